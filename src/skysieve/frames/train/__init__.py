"""Training for contaminants and tracking errors."""
