"""Verbs run before the program lists them: each in a program of its own."""

from __future__ import annotations

import typer

from skysieve.cli.lazy_verb import add_verb


def program(*verbs: tuple[str, str, str]) -> typer.Typer:
    """Return a program with verbs, each as its group, its name and its place."""
    app = typer.Typer()
    groups: dict[str, typer.Typer] = {}
    for group, name, place in verbs:
        if group not in groups:
            groups[group] = typer.Typer()
            groups[group].callback()(lambda: None)
            app.add_typer(groups[group], name=group)
        add_verb(groups[group], name, place, "")
    app.callback()(lambda: None)
    return app
