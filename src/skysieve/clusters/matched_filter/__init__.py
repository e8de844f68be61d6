"""Matched filter for clusters in microwave maps."""
