"""Groups of verbs with a default verb: ``skysieve ghosts FILE``."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

__all__ = ["DefaultVerb"]


class DefaultVerb(TyperGroup):
    """A group of verbs that runs its default verb if the first argument names none.

    A file with the name of a verb has to be given with its folder, as ``./predict``.
    """

    default = "find"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the default verb before arguments that do not begin with a verb."""
        if not args or args[0] not in self.commands:
            args = [self.default, *args]
        return super().parse_args(ctx, args)
