"""The command itself: quick to start, and clear about what it can do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import typer
from tests.cli.command import installed, sky, write

from skysieve._version import __version__
from skysieve.cli.app import app
from skysieve.cli.lazy_verb import LazyVerb

HEAVY = ("numpy", "scipy", "astropy", "PIL", "openvino", "onnxruntime", "onnx", "torch", "tensorflow")
VERBS = (
    "mask",
    "track",
    "maximask",
    "maxitrack",
    "ghosts",
    "ghosts predict",
    "annotations convert",
    "annotations check",
    "annotations agree",
    "clusters find",
    "clusters match",
    "clusters demo",
    "models list",
    "models show",
    "models import",
    "models calibrate-domain",
    "simulate frame",
    "simulate contaminants",
    "simulate tracking",
    "simulate ghosts",
    "simulate sky",
    "train contaminants",
    "train tracking",
    "train ghosts",
    "train clusters",
    "evaluate contaminants",
    "evaluate tracking",
    "evaluate ghosts",
    "evaluate clusters",
    "evaluate scenes",
    "evaluate probes",
    "report",
    "view",
)


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = f"import sys, skysieve.cli.app; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_help_imports_nothing_but_what_draws_it():
    """What is imported decides how soon help is there, and is the same on every machine."""
    code = (
        "import sys, typer; from contextlib import suppress\n"
        "other = typer.Typer()\n"
        "for name in 'ab': other.command(name)(lambda: None)\n"
        "with suppress(SystemExit): other(['--help'])\n"
        "toolkit = set(sys.modules)\n"
        "from skysieve.cli.app import app\n"
        "with suppress(SystemExit): app(['--help'])\n"
        "print(sorted(set(sys.modules) - toolkit))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "mask" in done.stdout
    ours = ["skysieve", "skysieve._version", "skysieve.cli", "skysieve.cli.app", "skysieve.cli.lazy_verb"]
    assert done.stdout.endswith(f"\n{ours}\n")


def test_the_version_is_printed(run):
    assert run("--version") == (0, f"skysieve {__version__}\n", "")


def test_help_names_every_verb(run):
    result = run("--help")
    assert result.code == 0
    assert all(f" {verb.split()[0]} " in result.out for verb in VERBS)


def lazy_verbs(command, name=()):
    """Return every verb that is only listed until it is asked for, by its names."""
    found = {name: command} if isinstance(command, LazyVerb) else {}
    command = command.verb if isinstance(command, LazyVerb) else command
    for child_name, child in getattr(command, "commands", {}).items():
        found |= lazy_verbs(child, (*name, child_name))
    return found


LAZY_VERBS = lazy_verbs(typer.main.get_command(app))


def test_the_options_of_all_verbs_are_made_without_heavy_imports():
    code = (
        "import sys, typer; from skysieve.cli.app import app\n"
        "todo = [typer.main.get_command(app)]\n"
        "while todo:\n"
        "    found = getattr(todo[-1], 'verb', todo.pop())\n"
        "    todo += getattr(found, 'commands', {}).values()\n"
        f"print([name for name in {HEAVY} if name in sys.modules], 'skysieve.cli.train' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] True\n"


@pytest.mark.parametrize("lazy", LAZY_VERBS.values(), ids=map(" ".join, LAZY_VERBS))
def test_the_list_of_verbs_says_what_their_help_begins_with(lazy):
    first_paragraph = " ".join(lazy.verb.help.partition("\n\n")[0].split())
    assert lazy.help == first_paragraph
    assert lazy.get_short_help_str() == lazy.verb.get_short_help_str()


def test_verbs_of_other_files_are_among_those_that_are_listed_lazily():
    assert {("mask",), ("ghosts",), ("ghosts", "predict"), ("evaluate", "clusters")} <= set(LAZY_VERBS)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("msk x.fits", "mask"), ("trian", "train"), ("models shwo", "show"), ("evaluate ghost", "ghosts")],
)
def test_a_verb_that_is_not_there_is_told_with_the_nearest(run, typed, meant):
    result = run(*typed.split())
    assert result.code == 2
    [line] = [line for line in result.err.splitlines() if "No such command" in line]
    assert f"Did you mean '{meant}'" in line


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("", ["mask", "track", "ghosts", "train"]),
        ("m", ["mask", "maximask", "models"]),
        ("mask --pri", ["--priors", "--prior"]),
        ("mask --engine ", ["auto", "openvino", "onnxruntime"]),
        ("ghosts predict --st", ["--stars"]),
        ("evaluate ", ["ghosts", "contaminants", "tracking"]),
        ("evaluate ghosts --an", ["--annotations"]),
    ],
)
def test_shells_complete_verbs_and_options(run, monkeypatch, typed, offered):
    monkeypatch.setenv("_SKYSIEVE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"skysieve {typed}")
    monkeypatch.setenv("COMP_CWORD", str(f"skysieve {typed}".count(" ")))
    result = run()
    assert result.code == 0
    lines = result.out.split()
    assert set(offered) <= set(lines)
    assert all(line.startswith(typed.split(" ")[-1]) for line in lines)


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_has_an_example(run, verb):
    for option in ("-h", "--help"):
        result = run(*verb.split(), option)
        assert result.code == 0
        assert f"skysieve {verb} " in result.out.partition("Example")[2]


def test_choices_in_help_come_from_the_registry(run):
    from skysieve.frames.mask.classes import CLASS_NAMES

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
    # Some releases of Astropy make a folder for their settings
    assert {path.name for path in home.iterdir()} <= {".astropy"}


def test_a_reader_that_leaves_early_is_no_error(tmp_path, pixel_model):
    for number in range(20):
        write(tmp_path / f"{number}.fits", sky())
    command = f"{sys.executable} -m skysieve mask . --model {pixel_model} | head -1"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
