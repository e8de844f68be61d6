"""The contaminants that can be simulated, each with its physics in a file of its own."""
