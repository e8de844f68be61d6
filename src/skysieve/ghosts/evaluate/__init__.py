"""Evaluation of ghost detection against annotated pictures."""
