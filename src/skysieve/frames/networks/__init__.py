"""Networks for contaminants and tracking errors."""
