"""Tracking errors: from a frame to a probability."""
