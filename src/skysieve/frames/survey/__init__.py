"""Survey masks: masks of frames on the sky, as healsparse maps (extra ``healsparse``)."""
