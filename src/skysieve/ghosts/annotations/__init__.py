"""Outlines of ghosts in the formats of annotation tools."""
