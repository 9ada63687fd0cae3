"""What may be done to many orders at once: the bulk routes and their sheets."""
