"""What an admin sets up: people, merchants, warehouses, places."""
