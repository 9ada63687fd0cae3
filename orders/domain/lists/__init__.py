"""Which orders a person looks at, in which order, and how many there are."""
