"""Training for ghosts."""
