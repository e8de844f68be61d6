"""Clusters of galaxies in multi-frequency HEALPix maps: one unit is a part of the sky."""
