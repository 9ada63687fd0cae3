"""Settings > API tokens: made, shown once, rotated and revoked."""
