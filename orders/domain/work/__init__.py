"""Background work that people wait for, and the files that go in and come out."""
