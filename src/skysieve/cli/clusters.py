"""``skysieve clusters``: galaxy clusters in microwave maps, and catalogues of them."""

from __future__ import annotations

import typer

from skysieve.cli.lazy_verb import add_verb

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Find galaxy clusters in microwave maps, and cross-match them.")
add_verb(
    app,
    "find",
    "skysieve.cli.clusters_find:find",
    "Find galaxy clusters in microwave maps of the sky by the Sunyaev-Zel'dovich effect.",
)
add_verb(
    app,
    "match",
    "skysieve.cli.clusters_match:match",
    "Find which places are known clusters: two more columns a catalogue, NAME and NAME_sep.",
)
add_verb(
    app,
    "demo",
    "skysieve.cli.clusters_demo:demo",
    "Simulate a small sky, find the clusters in it, and tell how complete and how pure the catalogue is.",
)
