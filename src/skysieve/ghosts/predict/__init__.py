"""Find ghosts on a focal plane: catalogue, masks, and the affected CCDs."""
