"""Building blocks of the networks of all products."""
