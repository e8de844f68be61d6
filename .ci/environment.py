"""A virtual environment for one step, and what is run in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from outcomes import StepError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ROOT", "Environment", "clean_variables", "run"]

ROOT = Path(__file__).resolve().parents[1]


class Environment:
    """A virtual environment in a folder of its own: no step sees what another one installed."""

    def __init__(self, folder: Path) -> None:
        run(sys.executable, "-m", "venv", folder)
        self.scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
        self.python = self.scripts / ("python.exe" if sys.platform == "win32" else "python")

    def install(self, *requirements: str | Path, constraints: Path | None = None) -> None:
        """Install requirements, with pip's options among them, held to the releases in a file."""
        held = {} if constraints is None else {"PIP_CONSTRAINT": str(constraints)}
        pip = (self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, *requirements, variables=clean_variables() | held)

    def run(
        self,
        *arguments: str | Path,
        cwd: Path = ROOT,
        variables: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> None:
        """Run this environment's Python, which finds its own scripts first."""
        own = clean_variables() | dict(variables or {})
        own["PATH"] = os.pathsep.join((str(self.scripts), own.get("PATH", "")))
        run(self.python, *arguments, cwd=cwd, variables=own, check=check)


def run(
    *command: str | Path,
    cwd: Path = ROOT,
    variables: Mapping[str, str] | None = None,
    check: bool = True,
) -> None:
    """Run a command, shown as it is run.

    Raises
    ------
    StepError
        If it fails and that is checked.
    """
    print("+", *command, flush=True)
    given = clean_variables() if variables is None else variables
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=dict(given), check=False)
    if check and done.returncode:
        raise StepError(f"exit code {done.returncode} of: {' '.join(map(str, command))}")


def clean_variables() -> dict[str, str]:
    """Return the environment variables, less those that would let in other code, data or settings."""
    hidden = ("PYTHON", "SKYSIEVE_", "VIRTUAL_ENV", "PYTEST_", "MYPY", "MAKE", "MFLAGS", "PIP_CONSTRAINT")
    return {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
