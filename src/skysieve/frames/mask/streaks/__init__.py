"""Straight streaks, found as lines: trails, and the spikes of bright stars."""
