"""The command ``skysieve``; each verb has its own module."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from skysieve._version import __version__
from skysieve.cli.lazy_verb import add_verb

__all__ = ["app", "main"]

PROGRAM = "skysieve"
INTERRUPTED = 130
"""Exit code after Ctrl-C, by the convention of shells."""

app = typer.Typer(
    name=PROGRAM,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"skysieve {__version__}")
        raise typer.Exit


@app.callback()
def skysieve(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and stop.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Find contaminants, tracking errors, ghosts and galaxy clusters in astronomical images.

    `skysieve mask night/*.fits.fz` writes a mask for each file. `skysieve COMMAND --help` lists the options.
    """


VERBS = {
    "Frames": {
        "mask:mask": "Mask the contaminants of frames.",
        "track:track": "Print the probability that each frame has tracking errors.",
        "repair:repair": "Fill the bad pixels of frames from their surroundings, into a copy.",
        "defects:defects": "Find the pixels and columns of detectors that are hot or dead in all frames.",
        "healsparse:healsparse": "Make healsparse maps of the masks of a survey.",
        "report:report": "Make pages for a browser, to look at masks and note verdicts.",
        "view:view": "Look at the mask of one file in a browser.",
    },
    "In place of the published commands": {
        "maximask:maximask": (
            "Mask frames like the published command, with the same options, files and products."
        ),
        "maximask:maxitrack": (
            "Append tracking probabilities to `maxitrack.out`, with the options of the published command."
        ),
    },
    "Ghosts": {
        "ghosts:app": "Find ghosts and scattered light on whole focal planes.",
        "annotations:app": "Convert, check and compare outlines of ghosts.",
    },
    "Clusters": {"clusters:app": "Find galaxy clusters in microwave maps, and cross-match them."},
    "Models, simulations and runs": {
        "merge:merge": "Merge the manifests of the shards of a run, and check that they are complete.",
        "models:app": "List, show, import and calibrate models.",
        "simulate:app": "Simulate images with known truth.",
        "evaluate:app": "Evaluate models on data with known truth.",
        "train:app": "Train networks on simulated frames, or on your own.",
    },
}
"""Short help of each verb by its module and function, by the panel of the help that lists it."""

for panel, verbs in VERBS.items():
    for target, short_help in verbs.items():
        module, _, function = target.partition(":")
        name = module if function == "app" else function
        add_verb(app, name, f"skysieve.cli.{target}", short_help, panel=panel)


def main() -> None:
    """Run the command line; an error that the user can fix prints one line and gives exit code 1."""
    from skysieve.core.errors import SkysieveError
    from skysieve.core.execution.signals import caused_by_interrupt
    from skysieve.core.printable import one_line, print_error

    if isinstance(sys.stdout, TextIOWrapper):
        # file names may not be UTF-8, and some terminals cannot show all of UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")

    try:
        app(prog_name=PROGRAM)
    except SkysieveError as error:
        if "--debug" in sys.argv:
            raise
        print_error(f"skysieve: error: {one_line(error)}")
        sys.exit(1)
    except BrokenPipeError:
        # the process that reads the output has ended, as with "| head"
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        if caused_by_interrupt(error):
            raise KeyboardInterrupt from error
        if "--debug" in sys.argv:
            raise
        if isinstance(error, ModuleNotFoundError):
            from skysieve.core.extras import describe_missing_module

            line = describe_missing_module(error)
            if line is not None:
                print_error(f"skysieve: error: {line}")
                sys.exit(1)
        problem = one_line(f"{type(error).__name__}: {error}")
        print_error(f"skysieve: error: unexpected {problem} (use --debug to see where)")
        sys.exit(1)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            print_error("skysieve: interrupted; finished files are kept")
        raise
