"""How the command ends where an interrupt comes at an awkward moment."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

RUN = """
import os, signal, sys, time, weakref
import skysieve.cli.app, skysieve.cli.start as start

class Thing:
    pass

def run():
    thing = Thing()
    # raised in the end of an object's life, an interrupt is lost, and comes once more a little later
    watch = weakref.ref(thing, lambda _: (os.kill(os.getpid(), signal.SIGTERM), time.sleep(0.01)))
    del thing
    {ending}

say = start._print_interrupted
start._print_interrupted = lambda: (time.sleep(0.3), say())
skysieve.cli.app.main = run
start.main()
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals are not sent to threads here")
@pytest.mark.parametrize("ending", ["raise KeyboardInterrupt", "time.sleep(20)"])
def test_an_interrupt_that_comes_again_does_not_change_how_the_command_ends(ending):
    ended = subprocess.run(
        [sys.executable, "-c", RUN.format(ending=ending)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 128 + signal.SIGTERM, ended.stderr
    assert ended.stderr == "skysieve: interrupted; finished files are kept\n"


MODULE = """
import os, signal, time
import skysieve.cli.app, skysieve.cli.start as start

def run():
    exec("import os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(20)")

skysieve.cli.app.main = run
start.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals end processes at once here")
def test_an_interrupt_in_code_made_from_text_does_not_change_how_the_command_ends(tmp_path):
    (tmp_path / "interrupted.py").write_text(MODULE)
    ended = subprocess.run(
        [sys.executable, "-m", "interrupted"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 128 + signal.SIGTERM, ended.stderr
    assert ended.stderr == "skysieve: interrupted; finished files are kept\n"
