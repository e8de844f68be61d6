"""Verbs whose modules are imported when they are asked for, and not to list them."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import Any, ClassVar, cast

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["LazyVerb", "add_verb"]


def add_verb(app: typer.Typer, name: str, place: str, short_help: str, *, panel: str | None = None) -> None:
    """Register a verb by its place.

    Verbs are listed in the order in which they are registered.

    Parameters
    ----------
    app
        The program, or the verb that this one is a part of.
    name
        What the verb is called.
    place
        Its module and its name there, as ``skysieve.cli.mask:mask``: of the function that does it, or of a
        ``typer.Typer`` with verbs of its own.
    short_help
        What the list of verbs says of it: the first paragraph of its own help.
    panel
        Panel of that list in which it stands.
    """
    kind = type(f"LazyVerb[{name}]", (LazyVerb,), {"place": place})
    app.command(name, cls=kind, help=short_help, rich_help_panel=panel)(_nothing)


class LazyVerb(TyperCommand):
    """What stands for a verb until it is asked for: its name, short help and panel."""

    place: ClassVar[str]

    def make_context(self, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
        """Begin the verb itself: whatever comes of these arguments, it does."""
        return self.verb.make_context(info_name, args, parent=parent, **extra)

    @cached_property
    def verb(self) -> TyperCommand | TyperGroup:
        """The verb itself, with its options, or with verbs of its own."""
        module, _, attribute = self.place.partition(":")
        found = getattr(import_module(module), attribute)
        around = typer.Typer(add_completion=False, rich_markup_mode=self.rich_markup_mode)
        around.callback()(_nothing)  # else typer makes no group around a single verb
        if isinstance(found, typer.Typer):
            around.add_typer(found, name=self.name)
        else:
            around.command(self.name)(found)
        group = cast("TyperGroup", typer.main.get_command(around))
        return cast("TyperCommand | TyperGroup", group.commands[str(self.name)])


def _nothing() -> None:
    """Stand where typer wants a function."""
