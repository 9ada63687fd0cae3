"""What lies on the shelves and why: products, levels, the ledger, counting."""
