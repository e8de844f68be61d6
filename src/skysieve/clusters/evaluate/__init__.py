"""Evaluation on simulated skies."""
