"""What every test may ask for, and the one setting that tells where the real frames are."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from hypothesis import settings

SETTING = "SKYSIEVE_TEST_DATA"

# Shared machines are slow at times: a test fails for what it finds, never for how long one example took.
# The same examples each time: a change is judged by what it changed.
settings.register_profile("skysieve", deadline=None, derandomize=True)
settings.load_profile("skysieve")

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


@pytest.fixture(autouse=True)
def logging_as_before():
    """Take away the handlers that a command sets up: other tests look at the package's log too."""
    logger = logging.getLogger("skysieve")
    before = logger.handlers, logger.level, logger.propagate
    yield
    logger.handlers, logger.level, logger.propagate = before


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get(SETTING):
        terminalreporter.write_line(f"real frames and reference outputs: {os.environ[SETTING]}")
    else:
        terminalreporter.write_line(
            f"{SETTING} is not set: tests on real frames and on reference outputs were skipped"
            " (set it to a folder that holds frames/ and maximask_reference/)"
        )
