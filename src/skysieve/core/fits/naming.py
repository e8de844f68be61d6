"""Names of products, derived from the names of their frames."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from skysieve.core.fits.locations import Location

__all__ = ["FIELDS", "check_own_product", "fits_stem", "output_path", "with_suffix"]

FIELDS = ("dir", "stem", "name", "hdu")
"""Fields of a template: the file's folder, its name without FITS endings, its name, and the requested HDU."""

_FITS_ENDING = re.compile(r"\.(fits|fit|fts)(\.(fz|gz|bz2|z))?$", re.IGNORECASE)


def output_path(location: Location, template: str | None, suffix: str) -> Path:
    """Return the path of the product of a file.

    Parameters
    ----------
    location
        The file, and the HDU if only one was requested.
    template
        Path with :data:`FIELDS` in braces; or a folder (an existing one, or ending in ``/``), where the
        product gets the default name; or None for the default, beside the file.
    suffix
        Ending of the default name; ``{hdu}`` in it stands for the HDU.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    ConfigError
        If the template is malformed.

    Examples
    --------
    >>> from skysieve.core.fits.locations import parse_location
    >>> output_path(parse_location("night/a.fits.fz[2]"), None, ".mask{hdu}.fits").as_posix()
    'night/a.mask2.fits'
    >>> output_path(parse_location("night/a.fits"), "masks/{stem}-m.fits", ".mask{hdu}.fits").as_posix()
    'masks/a-m.fits'
    """
    default = "{stem}" + suffix
    if template is None:
        template = "{dir}/" + default
    elif not template:
        raise ConfigError("the output is empty; give a folder, or a template of a path")
    elif template.endswith("/") or Path(template).is_dir():
        template = f"{template.rstrip('/')}/{default}"
    hdu = "" if location.hdu is None else str(location.hdu)
    fields = {
        "dir": str(location.path.parent),
        "stem": fits_stem(location.path.name),
        "name": location.path.name,
        "hdu": hdu if location.version is None else f"{hdu}{location.version}",
    }
    try:
        return Path(template.format_map(fields))
    except (KeyError, ValueError, IndexError) as error:
        names = ", ".join(f"{{{field}}}" for field in FIELDS)
        raise ConfigError(
            f"output template {template!r} is malformed ({error!r}); it may name {names}"
        ) from error


def check_own_product(location: Location, product: Path) -> None:
    """Check that the product of a file would not replace the file itself.

    Parameters
    ----------
    location
        The file.
    product
        Path of its product.

    Raises
    ------
    ConfigError
        If both are the same file.
    """
    if product.resolve() == location.path.resolve():
        raise ConfigError(f"{location}: its product would replace the frame itself; choose another --output")


def fits_stem(name: str) -> str:
    """Return the name of a file without its FITS endings.

    Parameters
    ----------
    name
        File name.

    Returns
    -------
    str
        The name without ``.fits`` and the like, and without the ending of the compression.

    Examples
    --------
    >>> fits_stem("a.b.fits.fz")
    'a.b'
    """
    return _FITS_ENDING.sub("", name)


def with_suffix(product: Path, suffix: str) -> Path:
    """Return the path of a side product: a product's path with its FITS ending replaced.

    Parameters
    ----------
    product
        Path of the product.
    suffix
        New ending, with its dot.

    Returns
    -------
    pathlib.Path
        The path.

    Examples
    --------
    >>> with_suffix(Path("a.mask.fits"), ".png").name
    'a.mask.png'
    """
    return product.with_name(fits_stem(product.name) + suffix)
