"""Background work that a person waits for: import, export, progress."""
