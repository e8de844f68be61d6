"""Options of several commands."""

from __future__ import annotations

from dataclasses import dataclass

from skysieve.core.errors import ConfigError
from skysieve.core.execution.settings import MANY
from skysieve.core.settings import setting

__all__ = ["Debugging", "Messages", "Overwriting", "Run", "Writing"]


@dataclass(frozen=True, kw_only=True)
class Overwriting:
    """Whether products may be replaced.

    Attributes
    ----------
    overwrite
        Replace existing products.
    """

    overwrite: bool = setting(False, "--overwrite")


@dataclass(frozen=True, kw_only=True)
class Processes:
    """How many units of work run at a time, and where.

    Attributes
    ----------
    jobs
        Number of processes; each needs its own memory.
    dask
        Run on a Dask cluster: address of its scheduler, as tcp://host:8786, or local:N for N processes here.
    """

    jobs: int = setting(1, "-j", "--jobs", minimum=1)
    dask: str | None = setting(None, metavar="ADDRESS", hidden_default=True, panel=MANY)

    def __post_init__(self) -> None:
        """Check that one of both is given at most."""
        if self.dask is not None and self.jobs > 1:
            raise ConfigError(f"--jobs {self.jobs} does not go with --dask, whose workers are the processes")


@dataclass(frozen=True, kw_only=True)
class Quieting:
    """Whether a command prints what it did.

    Attributes
    ----------
    quiet
        Print errors only.
    """

    quiet: bool = setting(False, "-q", "--quiet")


@dataclass(frozen=True, kw_only=True)
class Debugging:
    """What a command prints of errors.

    Attributes
    ----------
    debug
        Stop at the first error and show its traceback.
    """

    debug: bool = setting(False, "--debug")


@dataclass(frozen=True, kw_only=True)
class Messages(Debugging, Quieting):
    """What a command prints."""


@dataclass(frozen=True, kw_only=True)
class Writing(Messages, Overwriting):
    """Options of commands that write products."""


@dataclass(frozen=True, kw_only=True)
class Run(Messages, Processes, Overwriting):
    """Options of commands that write products, in several processes."""
