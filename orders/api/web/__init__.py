"""The dialect of the WedoCOD REST API: many orders at a time, all or none."""
