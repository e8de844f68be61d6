"""Ghosts: from a focal plane to a catalogue and the CCDs that are touched."""
