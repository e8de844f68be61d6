"""What every test may ask for, and the one setting that tells where the real frames are."""

from __future__ import annotations

import logging
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

SETTING = "SKYSIEVE_TEST_DATA"

# Shared machines are slow at times: a test fails for what it finds, never for how long one example took.
# The same examples each time: a change is judged by what it changed.
settings.register_profile("skysieve", deadline=None, derandomize=True)
settings.load_profile("skysieve")

# A shell has what it runs in the background ignore interrupts: not the tests, nor the commands under test.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Before any test module is imported: some look for their frames then.
if os.environ.get(SETTING):
    os.environ.setdefault("SKYSIEVE_TEST_FRAMES", str(Path(os.environ[SETTING]) / "frames"))


def _test_data(name: str, held: str) -> Path:
    """Return what the setting's folder holds under this name, or skip the test that asked for it."""
    root = os.environ.get(SETTING)
    if not root:
        pytest.skip(f"{SETTING} is not set: no {held}")
    path = Path(root) / name
    if not path.exists():
        pytest.skip(f"{SETTING}={root} holds no {name}: no {held}")
    return path


@pytest.fixture(scope="session")
def real_frames() -> Path:
    """Folder of real FITS frames."""
    return _test_data("frames", "real frames")


@pytest.fixture(scope="session")
def reference_tiles() -> Path:
    """File of normalised tiles with the probabilities that the published networks gave for them."""
    return _test_data("maximask_reference/tiles.npz", "reference probabilities")


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_the_disk():
    """Leave it to the system when products reach the disk: no test pulls the plug."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        yield


def leave_logging_alone():
    """Take away what a command set up: handlers, a level, that nothing is passed on."""
    logger = logging.getLogger("skysieve")
    logger.handlers, logger.propagate = [], True
    logger.setLevel(logging.NOTSET)


@pytest.fixture(autouse=True)
def logging_as_before():
    """Let no test see the log of another, nor of a fixture that several share: both may run commands."""
    leave_logging_alone()
    yield
    leave_logging_alone()


@pytest.fixture(autouse=True)
def signals_as_before():
    """Let no test see what another one's command did to signals: it ignores them while its process ends."""
    known = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in known}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", sys.unraisablehook)
        yield
    for number, handler in before.items():
        if signal.getsignal(number) != handler:
            signal.signal(number, handler)


@pytest.fixture
def recipe_file(tmp_path):
    """Write a tiny recipe of a training; settings in place of its own as keywords."""
    from tests.core.training.tiny import write_recipe

    def write(job="contaminants", **settings):
        return write_recipe(tmp_path / f"{job}.yaml", job, **settings)

    return write


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Folder of a tiny training for contaminants that came to its end, with its model."""
    if find_spec("torch") is None:
        pytest.skip("the extra train is not installed")
    from tests.core.training.tiny import few_frames, write_recipe

    from skysieve.core.training.fit import fit
    from skysieve.core.training.recipe import read_training_recipe
    from skysieve.frames.train.contaminants import ContaminantTraining

    folder = tmp_path_factory.mktemp("trained")
    recipe = read_training_recipe(write_recipe(folder / "contaminants.yaml", "contaminants"))
    with pytest.MonkeyPatch.context() as patch:
        few_frames(patch)
        fit(ContaminantTraining(recipe), folder / "run", workers=0, device="cpu", progress=False)
    return folder / "run"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get(SETTING):
        terminalreporter.write_line(f"real frames and reference outputs: {os.environ[SETTING]}")
    else:
        terminalreporter.write_line(
            f"{SETTING} is not set: tests on real frames and on reference outputs were skipped"
            " (set it to a folder that holds frames/ and maximask_reference/)"
        )
