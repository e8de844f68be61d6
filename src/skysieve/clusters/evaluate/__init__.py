"""Evaluation of cluster catalogues on simulated skies."""
