"""Training of networks that detect ghosts."""
