"""Training: losses, loops and the export of trained networks to graphs that the runtime runs."""
