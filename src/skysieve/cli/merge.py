"""``skysieve merge``: merge the manifests of the shards of a run."""

from __future__ import annotations

import typer

from skysieve.cli.options import Writing
from skysieve.cli.settings_options import takes_settings
from skysieve.core.errors import ConfigError
from skysieve.core.execution.settings import MergeSettings
from skysieve.core.printable import print_error

__all__ = ["merge"]


@takes_settings
def merge(settings: MergeSettings, write: Writing) -> None:
    """Merge the manifests of the shards of a run, and check that they are complete.

    All manifests must be of one run (command, version, settings) and of one list of files. Shards that are
    missing, cut off or doubled are named, and so are files that failed or were not reached. The exit code is
    0 only if every file of the list is done, or holds no frame.

    Examples
    --------
    `skysieve merge manifests/ -o night.parquet`
    """
    from skysieve.core.atomic import check_target
    from skysieve.core.execution.merging import find_manifests, merge_manifests
    from skysieve.core.tables.parquet import ENDING

    output, partial = settings.output, settings.partial
    if not output.name.lower().endswith(ENDING):
        raise ConfigError(f"--output {output}: the table is a Parquet file; end its name in {ENDING}")
    check_target(output, overwrite=write.overwrite)
    found = merge_manifests(
        *find_manifests(settings.manifests), output, partial=partial, overwrite=write.overwrite
    )
    if not write.quiet:
        print(found.summary())
    for line in found.problems():
        print_error(line)
    if found.incomplete and not partial:
        print_error(
            "skysieve: error: the run is not complete: no table written; --partial writes it all the same"
        )
    elif not write.quiet:
        print(f"table: {output}")
    if found.incomplete or found.failed or found.missing:
        raise typer.Exit(1)
