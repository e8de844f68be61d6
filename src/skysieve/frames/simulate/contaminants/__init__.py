"""Contaminants that can be simulated, one module each."""
