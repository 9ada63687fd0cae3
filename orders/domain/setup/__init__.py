"""Who works here and for whom: people, merchants, warehouses, tokens, and who changed them."""
