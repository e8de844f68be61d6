"""Focal planes: cameras, exposures, and binned pictures of them."""
