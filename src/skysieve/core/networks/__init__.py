"""Blocks that the networks of all products are built from."""
