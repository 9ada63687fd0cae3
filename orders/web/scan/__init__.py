"""The scan benches and the scanners' routes."""
