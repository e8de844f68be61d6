"""Code that the simulators of all products share."""
