"""Scores with their uncertainty, calibration, and reports."""
