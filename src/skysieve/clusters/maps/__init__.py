"""Maps of the sky: files, units, tiles, patches."""
