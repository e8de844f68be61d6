"""What the simulators of all products share."""
