"""Virtual environments for programs with other requirements than Skysieve."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from skysieve.core.errors import ConfigError
from skysieve.core.temporaries import temporary_beside

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["make_environment"]

logger = logging.getLogger(__name__)


def make_environment(name: str, requirements: Sequence[str], folder: Path) -> Path:
    """Return the Python of an environment with these packages; make the environment if it does not exist.

    The environment gets its name only when it is complete.  pip reads its own configuration: for example,
    ``PIP_EXTRA_INDEX_URL`` names an index with CPU builds of torch.

    Parameters
    ----------
    name
        Name of the program that needs the environment.
    requirements
        Requirements in the syntax of pip.
    folder
        Folder of the environments.

    Returns
    -------
    Path
        The interpreter.

    Raises
    ------
    ConfigError
        If the packages cannot be installed.
    """
    key = hashlib.sha256("\n".join([sys.version.split()[0], *requirements]).encode()).hexdigest()[:12]
    target = folder / f"{name}-{key}"
    python = Path("Scripts/python.exe") if os.name == "nt" else Path("bin/python")
    if (target / python).exists():
        return target / python
    logger.warning("installing %s into %s", " ".join(requirements), target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with temporary_beside(target) as unfinished:
            _run([sys.executable, "-m", "venv", str(unfinished)], name)
            pip = [str(unfinished / python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            _run([*pip, *requirements], name)
            try:
                unfinished.rename(target)  # the interpreter of an environment also works after a move
            except OSError:
                if not (target / python).exists():  # another process was faster
                    raise
    except OSError as error:
        raise ConfigError(f"baseline {name}: {folder} cannot be written ({error.strerror})") from error
    return target / python


def _run(command: list[str], name: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        reason = next(
            (line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "no message"
        )
        raise ConfigError(f"baseline {name} cannot be installed: {' '.join(reason.split())}")
