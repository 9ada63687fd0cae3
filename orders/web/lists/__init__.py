"""The order list and its filters."""
