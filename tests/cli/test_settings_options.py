"""Options of a command from the settings that it takes."""

from __future__ import annotations

from collections.abc import Iterable  # noqa: TC003 (read from the annotations)
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
import typer
from typer.testing import CliRunner

from skysieve.cli.settings_options import Given, takes_settings
from skysieve.core.settings import REQUIRED, read_names, setting


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of an example.

    Attributes
    ----------
    views
        Number of views.
    names
        Names, separated by commas.
    kind
        Kind of product.
    fast
        Whether to be fast.
    secret
        No option.
    """

    views: int = setting(1, minimum=1)
    names: Iterable[str] = setting(("a", "b"), metavar="NAMES", text_type=str, read=read_names)
    kind: Literal["bits", "cube"] = setting("bits", "--format")
    fast: bool = setting(True)
    secret: str = "kept"  # noqa: S105 (a setting without an option)


@pytest.fixture
def run():
    """Run a command that has an option of its own too; return what it got, and the result."""
    got: dict[str, object] = {}

    @takes_settings
    def command(
        *, settings: Settings, table: Annotated[str, typer.Option("--table")] = "none", given: Given
    ) -> None:
        got.update(settings=settings, table=table, given=given)

    app = typer.Typer()
    app.command()(command)

    def run(*words):
        result = CliRunner().invoke(app, words)
        return (got, result)

    return run


def test_without_options_the_settings_are_the_defaults(run):
    got, result = run()
    assert result.exit_code == 0
    assert got["settings"] == Settings()
    assert got["table"] == "none"


def test_options_become_settings(run):
    got, _ = run("--views", "4", "--names", "x, y", "--format", "cube", "--no-fast", "--table", "t")
    assert got["settings"] == Settings(views=4, names=("x", "y"), kind="cube", fast=False)
    assert got["table"] == "t"


def test_the_command_knows_whether_an_option_that_is_read_was_given(run):
    assert "names" not in run()[0]["given"]
    assert "names" in run("--names", "a,b")[0]["given"]


@pytest.mark.parametrize("words", [["--views", "0"], ["--format", "cubes"], ["--secret", "x"]])
def test_values_out_of_bounds_and_unknown_options_are_refused(run, words):
    _, result = run(*words)
    assert result.exit_code == 2


def test_the_help_is_that_of_the_docstring(run):
    _, result = run("--help")
    for text in ("Number of views.", "[default: 1]", "Names, separated by commas.", "Kind of product."):
        assert text in result.output


def test_two_options_of_one_name_are_an_error():
    def command(*, settings: Settings, views: int = 1) -> None: ...

    with pytest.raises(TypeError, match="parameters of one name: views"):
        takes_settings(command)


@dataclass(frozen=True, kw_only=True)
class More:
    """More settings.

    Attributes
    ----------
    maps
        Maps, at least one.
    finder
        Finders.
    form
        True or False.
    """

    maps: list[str] = setting(REQUIRED)
    finder: list[Literal["network", "mmf"]] = setting([], factory=list, hidden_default=True)
    form: bool = setting(True, text_type=str, read=lambda text: text == "yes", shown="yes")


@pytest.fixture
def run_more():
    """Run a command with these settings; return them, and the result."""
    got: dict[str, More] = {}

    @takes_settings
    def command(*, settings: More) -> None:
        got["settings"] = settings

    app = typer.Typer()
    app.command()(command)
    return lambda *words: (CliRunner().invoke(app, words), got.get("settings"))


def test_a_setting_without_a_default_must_be_given(run_more):
    result, _ = run_more()
    assert result.exit_code == 2
    assert "--maps" in result.output
    assert run_more("--maps", "a", "--maps", "b")[1] == More(maps=["a", "b"])


def test_choices_may_be_repeated(run_more):
    _, settings = run_more("--maps", "a", "--finder", "mmf", "--finder", "network")
    assert settings == More(maps=["a"], finder=["mmf", "network"])
    assert run_more("--maps", "a", "--finder", "both")[0].exit_code == 2


def test_a_default_that_is_read_from_text_is_shown_as_text(run_more):
    assert "[default: yes]" in run_more("--help")[0].output
    assert run_more("--maps", "a", "--form", "no")[1] == More(maps=["a"], form=False)


@dataclass(frozen=True, kw_only=True)
class Files:
    """Files.

    Attributes
    ----------
    source
        File that is read.
    """

    source: str = setting(REQUIRED, argument=True, metavar="IN")


def test_an_argument_has_no_name_and_every_command_has_debug():
    got: list[Files] = []

    @takes_settings
    def command(files: Files) -> None:
        got.append(files)

    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, ["one.fits", "--debug"])
    assert result.exit_code == 0, result.output
    assert got == [Files(source="one.fits")]
    assert CliRunner().invoke(app, []).exit_code == 2
    shown = CliRunner().invoke(app, ["--help"]).output
    for text in ("File that is read.", "IN", "--debug"):
        assert text in shown
