"""The command ``skysieve``: one file a verb."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from skysieve._version import __version__
from skysieve.cli import evaluate, ghosts, mask, maximask, maxitrack, models, simulate, track, train
from skysieve.cli.annotations import app as annotations_app
from skysieve.cli.default_verb import DefaultVerb
from skysieve.cli.ghosts_predict import ghosts_predict

__all__ = ["app", "main"]

PROGRAM = "skysieve"
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

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
    """Find what does not belong in an astronomical picture.

    `skysieve mask night/*.fits.fz` writes a mask beside each frame; `skysieve VERB --help` tells the rest.
    """


app.command("mask", rich_help_panel="Frames")(mask.mask)
app.command("track", rich_help_panel="Frames")(track.track)
app.command("maximask", rich_help_panel="In place of the published commands")(maximask.maximask)
app.command("maxitrack", rich_help_panel="In place of the published commands")(maxitrack.maxitrack)

ghosts_app = typer.Typer(cls=DefaultVerb, help="Find ghosts and scattered light on whole focal planes.")
ghosts_app.command(DefaultVerb.default)(ghosts.ghosts)
ghosts_app.command("predict")(ghosts_predict)

app.add_typer(ghosts_app, name="ghosts", rich_help_panel="Ghosts")
app.add_typer(annotations_app, name="annotations", rich_help_panel="Ghosts")
app.add_typer(models.app, name="models", rich_help_panel="Models and simulations")
app.add_typer(simulate.app, name="simulate", rich_help_panel="Models and simulations")
app.add_typer(evaluate.app, name="evaluate", rich_help_panel="Models and simulations")
app.add_typer(train.app, name="train", rich_help_panel="Models and simulations")


def main() -> None:
    """Run the command line; whatever the user can mend ends in one line and exit code 1."""
    from skysieve.errors import SkysieveError

    try:
        app(prog_name=PROGRAM)
    except SkysieveError as error:
        if "--debug" in sys.argv:
            raise
        print(f"skysieve: error: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # the reader of our output has gone, as with "| head"
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"skysieve: error: unexpected {problem} (use --debug to see where)", file=sys.stderr)
        sys.exit(1)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            print("skysieve: interrupted; finished files are kept", file=sys.stderr)
        raise
