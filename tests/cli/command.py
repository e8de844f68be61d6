"""The command line as a test sees it, and the frames it is given."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from contextlib import chdir, redirect_stderr, redirect_stdout
from importlib.metadata import EntryPoint
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from astropy.io import fits

from skysieve.cli.app import main

NOISE = 5.0
LEVEL = 500.0
SHAPE = (90, 120)


class Result(NamedTuple):
    """What a command left: its exit code, and what it printed to either stream."""

    code: int
    out: str
    err: str


def sky(seed=0, shape=SHAPE):
    """Return an empty sky with one pixel of 100 sigma at (10 + seed, 20)."""
    pixels = np.random.default_rng(seed).normal(LEVEL, NOISE, shape).astype(np.float32)
    pixels[10 + seed, 20] = LEVEL + 100 * NOISE
    return pixels


def write(path, *hdus):
    """Write arrays, (name, array) or HDUs; a single array as the primary HDU, else each as an extension."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if len(hdus) == 1 and isinstance(hdus[0], np.ndarray):
        fits.PrimaryHDU(hdus[0]).writeto(path, overwrite=True)
        return path
    made = []
    for hdu in hdus:
        name, data = hdu if isinstance(hdu, tuple) else (None, hdu)
        made.append(fits.ImageHDU(data, name=name) if isinstance(data, np.ndarray) else data)
    fits.HDUList([fits.PrimaryHDU(), *made]).writeto(path, overwrite=True)
    return path


def failure(result):
    """Return the one line with which a command failed."""
    assert result.code == 1, result
    assert "Traceback" not in result.err
    [line] = result.err.splitlines()
    assert line.startswith("skysieve: error: "), line
    return line.removeprefix("skysieve: error: ")


def leftovers(folder):
    """Return what a command half wrote below a folder."""
    return [path for path in folder.rglob(".*") if path.is_file()]


def run_in(folder, *arguments):
    """Run the command in this process, in a folder that several tests look into."""
    out, err, code = StringIO(), StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, chdir(folder), redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["skysieve", *map(str, arguments)])
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Result(code, out.getvalue(), err.getvalue())


def installed(*arguments, **options):
    """Run the installed command in a process of its own."""
    command = [sys.executable, "-m", "skysieve", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)
    return Result(done.returncode, done.stdout, done.stderr)


def executable(name):
    """Return what an executable of the package calls, as the build file declares it."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    return EntryPoint(name, tomllib.loads(text)["project"]["scripts"][name], "console_scripts").load()
