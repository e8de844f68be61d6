"""The search for clusters: from maps to candidates."""
