"""How many rows reach the database at once, and how rivals wait for each other."""
