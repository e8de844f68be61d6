"""Measures with uncertainties, calibration, and reports."""
