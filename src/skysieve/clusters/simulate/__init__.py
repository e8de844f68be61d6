"""Simulated microwave skies with known clusters."""
