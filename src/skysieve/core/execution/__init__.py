"""Execution of many units of work, in one process or in several."""
