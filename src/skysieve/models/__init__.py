"""Models: a card and a graph; find it, check it, run it."""
