"""Training for clusters."""
