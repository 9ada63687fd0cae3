"""Template tags of the orders pages: how things look, never what they mean.

Rules, counts and words of the domain do not belong here.
"""
