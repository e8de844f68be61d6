"""Networks that detect ghosts."""
