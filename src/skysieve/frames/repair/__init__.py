"""Fill bad pixels of frames, in copies."""
