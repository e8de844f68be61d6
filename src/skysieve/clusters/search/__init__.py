"""Search for clusters: from maps of the sky to candidates."""
