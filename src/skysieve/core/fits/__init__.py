"""Find, read and write FITS files."""
