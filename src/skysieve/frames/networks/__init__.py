"""Network architectures for contaminants and tracking errors, in torch."""
