"""Errors that Skysieve raises on purpose.

Each message says what is wrong, with which value, and what to do.  The command line prints it as one line.
Any other exception that reaches the user is a bug.
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "FrameError",
    "ModelError",
    "NoFrameError",
    "OutputError",
    "SkysieveError",
    "SourceError",
]


class SkysieveError(Exception):
    """Base class: something the user can fix."""


class SourceError(SkysieveError):
    """An input path, list or file that cannot be found or read."""


class FrameError(SkysieveError):
    """A frame whose shape, type or content cannot be processed."""


class NoFrameError(FrameError):
    """A valid file without an image of the sky, such as one with masks or weights."""


class ConfigError(SkysieveError):
    """An option or a configuration file with a wrong value."""


class ModelError(SkysieveError):
    """A model that is missing, damaged or unsuitable for the job."""


class OutputError(SkysieveError):
    """An output file that cannot be written."""
