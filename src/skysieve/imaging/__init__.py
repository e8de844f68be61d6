"""From FITS to normalised tiles, and back to FITS."""
