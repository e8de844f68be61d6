"""FITS files: found, read safely, and written whole."""
