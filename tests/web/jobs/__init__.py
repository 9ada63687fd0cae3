"""Background work, as people and programs see it."""
