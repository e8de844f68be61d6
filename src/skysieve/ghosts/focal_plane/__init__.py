"""Focal planes: cameras, pictures, exposures."""
