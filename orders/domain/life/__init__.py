"""What an order lives through: what may follow what, how it is moved, changed, explained."""
