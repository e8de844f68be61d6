"""Evaluation on frames with truth."""
