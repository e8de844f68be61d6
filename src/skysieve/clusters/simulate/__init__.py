"""Microwave skies with known clusters."""
