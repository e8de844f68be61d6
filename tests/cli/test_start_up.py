"""The command itself: quick to start, and clear about what it can do."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest
from tests.cli.command import installed, sky, write

from skysieve._version import __version__

HEAVY = ("numpy", "scipy", "astropy", "PIL", "openvino", "onnxruntime", "onnx", "torch", "tensorflow")
VERBS = (
    "mask",
    "track",
    "maximask",
    "maxitrack",
    "ghosts",
    "annotations convert",
    "annotations check",
    "annotations agree",
    "models list",
    "models show",
    "models import",
    "simulate frame",
    "simulate contaminants",
    "simulate tracking",
    "simulate ghosts",
    "train contaminants",
    "train tracking",
    "train ghosts",
    "evaluate contaminants",
    "evaluate tracking",
    "evaluate ghosts",
)


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = f"import sys, skysieve.cli.app; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_help_comes_as_soon_as_what_draws_it_is_loaded():
    """In time of a processor, as a ratio: neither a busy nor a slow machine changes it."""
    toolkit = [sys.executable, "-c", "import typer, typer.rich_utils"]
    ours = [sys.executable, "-m", "skysieve", "--help"]
    assert least_processor_time(ours) < 1.8 * least_processor_time(toolkit)


def least_processor_time(command: list[str]) -> float:
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def test_help_imports_nothing_heavy_either():
    code = (
        "import sys; from contextlib import suppress; from skysieve.cli.app import app\n"
        "with suppress(SystemExit): app(['--help'])\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
    assert done.stdout.endswith("[]\n")


def test_the_version_is_printed(run):
    assert run("--version") == (0, f"skysieve {__version__}\n", "")


def test_help_names_every_verb(run):
    result = run("--help")
    assert result.code == 0
    assert all(f" {verb.split()[0]} " in result.out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_has_an_example(run, verb):
    for option in ("-h", "--help"):
        result = run(*verb.split(), option)
        assert result.code == 0
        assert f"skysieve {verb} " in result.out.partition("Example")[2]


def test_choices_in_help_come_from_the_registry(run):
    from skysieve.contaminants.classes import CLASS_NAMES

    assert ", ".join(CLASS_NAMES) in " ".join(run("mask", "--help").out.replace("│", " ").split())


def test_nothing_is_told_to_the_makers_of_the_engine(tmp_path, pixel_model):
    """OpenVINO reports its import to its maker, and keeps an identity for that in the home directory."""
    write(tmp_path / "a.fits", sky())
    home = tmp_path / "home"
    home.mkdir()
    result = installed(
        "mask", "a.fits", "--model", pixel_model, cwd=tmp_path, env={**os.environ, "HOME": str(home)}
    )
    assert result.code == 0
    assert list(home.iterdir()) == []


def test_a_reader_that_leaves_early_is_no_error(tmp_path, pixel_model):
    for number in range(20):
        write(tmp_path / f"{number}.fits", sky())
    command = f"{sys.executable} -m skysieve mask . --model {pixel_model} | head -1"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
