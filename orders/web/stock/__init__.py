"""Products and stock, shown and moved by people."""
