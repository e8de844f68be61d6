"""Files as units of work: which there are, which have conflicting products, and which are done."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from skysieve.core.atomic import check_target
from skysieve.core.errors import ConfigError, OutputError, SkysieveError
from skysieve.core.temporaries import sweep_temporaries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from skysieve.core.fits.locations import Location

__all__ = [
    "UnitFailures",
    "find_units",
    "gather_units",
    "is_done",
    "skip_own_products",
    "with_own_product",
]


class UnitFailures(Protocol):
    """Collects what fails and what is skipped."""

    def add(self, unit: object, error: Exception) -> None:
        """Take a path or file that failed, and its error."""
        ...

    def skip(self, unit: object, reason: object) -> None:
        """Take a file that is skipped, and the reason."""
        ...


def find_units(
    paths: Iterable[str], units: Callable[[str], list[Location]], failures: UnitFailures
) -> list[Location]:
    """Return the units of all paths, each once, without products of Skysieve among them.

    Parameters
    ----------
    paths
        Paths as given on the command line.
    units
        Returns the units of a path.
    failures
        Gets the paths without units.

    Returns
    -------
    list of Location
        The units.
    """
    return skip_own_products(gather_units(paths, units, failures), failures)


def gather_units(
    paths: Iterable[str],
    units: Callable[[str], list[Location]],
    failures: UnitFailures,
    *,
    files_from: str | None = None,
) -> list[Location]:
    """Return the units of all paths, each once.

    Parameters
    ----------
    paths
        Paths as given on the command line.
    units
        Returns the units of a path.
    failures
        Gets the paths without units.
    files_from
        Text file with one file per line, which need not be there.

    Returns
    -------
    list of Location
        The units.

    Raises
    ------
    SourceError
        If the text file cannot be read, or names no file.
    """
    found: dict[Location, Location] = {}
    if files_from is not None:
        from skysieve.core.fits.locations import listed_locations

        found.update((unit, unit) for unit in listed_locations(Path(files_from)))
    for path in paths:
        try:
            for unit in units(path):
                if unit not in found or not unit.found:  # a file that is named itself must hold a frame
                    found[unit] = unit
        except SkysieveError as error:
            failures.add(path, error)
    return list(found.values())


def skip_own_products(
    units: list[Location], failures: UnitFailures, *, even_all: bool = False
) -> list[Location]:
    """Return the units without Skysieve's own products among other files, as in a shell's ``*.fits``.

    Parameters
    ----------
    units
        Units of work.
    failures
        Counts those that are skipped.
    even_all
        Whether they are skipped even if there are no others; then the product of a product is not made.

    Returns
    -------
    list of Location
        The others; all if there are no others.
    """
    from skysieve.core.fits.own_products import is_own_file

    own = [unit for unit in units if unit.hdu is None and not unit.found and is_own_file(unit.path)]
    if len(own) == len(units) and not even_all:
        return units
    for unit in own:
        failures.skip(unit, "is a product of Skysieve")
    skipped = set(own)
    return [unit for unit in units if unit not in skipped]


def with_own_product(
    units: list[Location],
    product: Callable[[Location], Path],
    failures: UnitFailures,
    *,
    overwrite: bool,
    among: Sequence[Location] = (),
) -> list[Location]:
    """Return the units whose products conflict with no other file; the others are failures.

    The check comes before any work, so that a conflict wastes none. Files that appear under these names later
    may be replaced: if the process of a unit dies, the unit runs again and overwrites its partial product.
    Temporary files of killed runs in the folders of the products are removed.

    Parameters
    ----------
    units
        Units of work.
    product
        Returns the path of the product of a unit.
    failures
        Gets the units whose product is that of an earlier unit, would replace a source, or exists.
    overwrite
        Whether existing products may be replaced.
    among
        All units of the run, if others are done elsewhere or before: their products and sources are not to
        be replaced either.

    Returns
    -------
    list of Location
        The units without conflict.

    Raises
    ------
    ConfigError
        If all units would have the same product.
    """
    mine, others = set(units), set(among) - set(units)
    # of two units with one product the same one fails in each shard
    whole = sorted({*units, *others}, key=str) if among else units
    products = {unit: product(unit) for unit in whole}
    if len(products) > 1 and len(set(products.values())) == 1:
        raise ConfigError(
            f"{products[whole[0]]} would be the product of each of {len(products)} files; "
            "name {stem}, {name}, {dir} or {hdu} in --output"
        )
    for folder in {products[unit].parent for unit in units}:
        sweep_temporaries(folder)
    # links among the files of other shards are not followed: that would take too long for each shard
    sources = {Path(os.path.abspath(unit.path)): unit for unit in others}  # noqa: PTH100
    sources |= {unit.path.resolve(): unit for unit in units}
    owners: dict[Path, Location] = {}
    for unit, path in products.items():
        if unit not in mine:
            owners.setdefault(path, unit)
            continue
        source = sources.get(path.resolve())
        if source is not None:
            failures.add(
                unit, OutputError(f"{unit}: its product would replace {source}; choose another --output")
            )
        elif path in owners:
            problem = f"its product would be {path}, as that of {owners[path]}"
            failures.add(
                unit, OutputError(f"{unit}: {problem}; name {{name}}, {{dir}} or {{hdu}} in --output")
            )
        else:
            owners[path] = unit
    free = {
        unit
        for path, unit in owners.items()
        if unit in mine and _is_free(path, unit, failures, overwrite=overwrite)
    }
    return [unit for unit in units if unit in free]


def _is_free(path: Path, unit: Location, failures: UnitFailures, *, overwrite: bool) -> bool:
    try:
        check_target(path, overwrite=overwrite)
    except OutputError as error:
        failures.add(unit, error)
        return False
    return True


def is_done(product: Path, unit: Location) -> bool:
    """Whether the product of a file exists, is intact and is newer than the file.

    Parameters
    ----------
    product
        Path of the product.
    unit
        The file.

    Returns
    -------
    bool
        Whether nothing has to be done.
    """
    from skysieve.core.fits.fits_integrity import is_intact

    try:
        newer = product.stat().st_mtime >= unit.path.stat().st_mtime
    except OSError:
        return False
    return newer and is_intact(product)
