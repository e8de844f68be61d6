"""Code that all products share."""
