"""Networks for ghosts."""
