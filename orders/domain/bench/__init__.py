"""What a scan does, and what the bench answers."""
