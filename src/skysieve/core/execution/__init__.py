"""Many units of work, in one process or in several."""
