"""Evaluation against annotated pictures."""
