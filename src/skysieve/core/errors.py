"""The errors that Skysieve raises on purpose.

Each message says what was wrong, with which value, and what to do.  The
command line prints it as one line; anything else that escapes is a defect.
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
    """Base class: something the user can mend."""


class SourceError(SkysieveError):
    """An input path, list or file that cannot be found or read."""


class FrameError(SkysieveError):
    """A frame whose shape, type or content cannot be processed."""


class NoFrameError(FrameError):
    """A file in order that holds no picture of the sky, as one of masks or weights."""


class ConfigError(SkysieveError):
    """An option or a configuration file with a wrong value."""


class ModelError(SkysieveError):
    """A model that is missing, damaged or not fit for the job."""


class OutputError(SkysieveError):
    """A product that cannot be written."""
