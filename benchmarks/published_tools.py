"""Environment of the published tools: MaxiMask and MaxiTrack on TensorFlow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from process import plain_environment

__all__ = ["CACHE", "PublishedTools", "install_published_tools"]

CACHE = Path(__file__).parent / ".cache"
"""Folder of all temporary files of the benchmarks; git ignores it."""

PYTHON = (3, 11)
"""The newest Python that TensorFlow 2.15 has wheels for."""

# Two steps: the requirements of MaxiMask would install the newest TensorFlow with all its GPU libraries.
STEPS = (
    ("tensorflow-cpu==2.15.1", "numpy<2", "scipy", "astropy<7", "tqdm"),
    ("--no-deps", "MaxiMask==1.4.1"),
)
STAMP = "made-with.json"


class PublishedTools:
    """The environment of the published tools.

    Attributes
    ----------
    folder
        Folder of the environment.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def python(self) -> Path:
        """Interpreter of the environment."""
        return self.folder / "bin" / "python"

    @property
    def maximask(self) -> Path:
        """The command ``maximask``."""
        return self.folder / "bin" / "maximask"

    @property
    def maxitrack(self) -> Path:
        """The command ``maxitrack``."""
        return self.folder / "bin" / "maxitrack"

    def run_script(self, script: Path, *arguments: str | Path) -> str:
        """Run a script in the environment and return its output.

        Parameters
        ----------
        script
            The script.
        *arguments
            Its arguments.

        Returns
        -------
        str
            Printed output.

        Raises
        ------
        RuntimeError
            If the script fails.
        """
        command = [self.python, script, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=plain_environment())
        if done.returncode:
            raise RuntimeError(f"{script.name} failed with the published tools:\n{done.stderr[-2000:]}")
        return done.stdout

    def versions(self) -> dict[str, str]:
        """Return the versions of the installed packages."""
        done = subprocess.run(
            [self.python, "-m", "pip", "--disable-pip-version-check", "list", "--format", "json"],
            capture_output=True,
            text=True,
            check=True,
            env=plain_environment(),
        )
        wanted = ("maximask", "tensorflow-cpu", "keras", "numpy", "scipy", "astropy")
        return {p["name"]: p["version"] for p in json.loads(done.stdout) if p["name"].lower() in wanted}


def install_published_tools() -> PublishedTools:
    """Return the environment of the published tools; the first call makes it.

    Raises
    ------
    SystemExit
        If there is no Python 3.11, or the packages cannot be installed.
    """
    tools = PublishedTools(CACHE / "peer")
    stamp = tools.folder / STAMP
    steps = [list(step) for step in STEPS]
    if stamp.exists() and json.loads(stamp.read_text()) == steps:
        return tools
    interpreter = _find_python()
    print(f"making the environment of the published tools in {tools.folder} (TensorFlow: some 200 MB) ...")
    shutil.rmtree(tools.folder, ignore_errors=True)
    subprocess.run([interpreter, "-m", "venv", tools.folder], check=True, env=plain_environment())
    for step in steps:
        done = subprocess.run(
            [tools.python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *step],
            check=False,
            env=plain_environment(),
        )
        if done.returncode:
            raise SystemExit(f"the published tools cannot be installed: pip install {' '.join(step)} failed")
    stamp.write_text(json.dumps(steps))
    return tools


def _find_python() -> Path:
    """Return an interpreter of the right version: this one, or one on the search path."""
    name = ".".join(map(str, PYTHON))
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    candidates = [Path(sys.executable), *(folder / f"python{name}" for folder in folders)]
    for candidate in candidates:
        if candidate.is_file() and _version(candidate) == name:
            return candidate
    raise SystemExit(
        f"the published tools need Python {name}, and there is no python{name} on the search path: "
        "TensorFlow 2.15 has no wheels for Python 3.12 or later. Install it and run this again; "
        "the parts 'engines', 'memory' and 'reference' do without."
    )


def _version(interpreter: Path) -> str:
    """Return the version of an interpreter as ``3.11``; empty if it does not run."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
