"""Defects of detectors: what stays in place in all frames while the sky moves."""
