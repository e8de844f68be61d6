"""Maps of the sky: files, units, tiles and patches."""
