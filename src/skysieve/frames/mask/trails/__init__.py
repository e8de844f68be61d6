"""Trails as lines: joined, measured, listed in a table."""
