"""The second job: tracking errors of the telescope."""
