"""Scores, each with its definition and its uncertainty, and the detectors of others to stand beside."""
