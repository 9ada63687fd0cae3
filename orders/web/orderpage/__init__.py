"""One order's page: show, edit, new, delete."""
