"""Segmentation networks for maps of several bands."""
