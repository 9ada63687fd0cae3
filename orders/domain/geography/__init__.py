"""Cities, and the spellings people use for them."""
