"""What waits today, as counts and pictures."""
