"""The second job: whether the telescope slipped."""
