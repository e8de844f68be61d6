"""Contaminants: from a frame to its mask."""
