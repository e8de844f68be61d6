"""Detection of straight streaks as lines: trails, and the spikes of bright stars."""
