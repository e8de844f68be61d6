"""Models: cards, graphs, engines, and the models that ship with the package."""
