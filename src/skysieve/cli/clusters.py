"""``skysieve clusters``: find galaxy clusters in microwave maps, and cross-match catalogues of them."""

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
    "Cross-match positions with known catalogues; each adds two columns, NAME and NAME_sep.",
)
add_verb(
    app,
    "demo",
    "skysieve.cli.clusters_demo:demo",
    "Simulate a small sky, find its clusters, and print completeness and purity of the catalogue.",
)
