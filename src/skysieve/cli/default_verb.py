"""Commands with verbs of their own that also work without one: ``skysieve ghosts FILE``."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

__all__ = ["DefaultVerb"]


class DefaultVerb(TyperGroup):
    """A group that takes its default verb where none is named.

    A file that is called as a verb is meant by ``./predict``.
    """

    default = "find"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default verb in front of arguments that begin with no verb."""
        if not args or args[0] not in self.commands:
            args = [self.default, *args]
        return super().parse_args(ctx, args)
