"""How orders come in: drafts checked in one pass, written in one go, probable twins found."""
