"""Verbs whose modules are imported when they run, but not when the help lists them."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import Any, ClassVar, cast

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["LazyVerb", "add_verb"]


def add_verb(app: typer.Typer, name: str, target: str, short_help: str, *, panel: str | None = None) -> None:
    """Register a verb by the module and name of its function.

    The help lists verbs in the order of their registration.

    Parameters
    ----------
    app
        The program, or the group of verbs that this one belongs to.
    name
        Name of the verb.
    target
        Module and name, as ``skysieve.cli.mask:mask``, of the verb's function or of a ``typer.Typer`` with
        further verbs.
    short_help
        Text in the list of verbs; equal to the first paragraph of the verb's own help.
    panel
        Panel of that list in which the verb is shown.
    """
    kind = type(f"LazyVerb[{name}]", (LazyVerb,), {"target": target})
    app.command(name, cls=kind, help=short_help, rich_help_panel=panel)(_nothing)


class LazyVerb(TyperCommand):
    """Placeholder of a verb that is not imported yet: its name, short help and panel."""

    target: ClassVar[str]

    def make_context(self, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
        """Import the verb and let it parse the arguments."""
        return self.verb.make_context(info_name, args, parent=parent, **extra)

    @cached_property
    def verb(self) -> TyperCommand | TyperGroup:
        """The verb itself, with its options, or the group with its verbs."""
        module, _, attribute = self.target.partition(":")
        found = getattr(import_module(module), attribute)
        parent = typer.Typer(add_completion=False, rich_markup_mode=self.rich_markup_mode)
        parent.callback()(_nothing)  # without a callback typer makes no group of a single verb
        if isinstance(found, typer.Typer):
            parent.add_typer(found, name=self.name)
        else:
            parent.command(self.name)(found)
        group = cast("TyperGroup", typer.main.get_command(parent))
        return cast("TyperCommand | TyperGroup", group.commands[str(self.name)])


def _nothing() -> None:
    """Do nothing; typer requires a function here."""
