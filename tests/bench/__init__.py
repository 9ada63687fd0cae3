"""`make bench`: the heavy jobs against hand-written limits on the same schema, as ratios."""
