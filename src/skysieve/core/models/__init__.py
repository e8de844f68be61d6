"""Models: cards, graphs, inference engines, and the packaged models."""
