"""``skysieve maximask``: drop-in replacement of the command ``maximask``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from skysieve.cli.options import Debug
from skysieve.core.errors import ConfigError
from skysieve.core.printable import printable

if TYPE_CHECKING:
    from skysieve.core.fits.locations import Location
    from skysieve.frames.mask.job import MaskRecord
    from skysieve.frames.maximask.published import PublishedNetwork

__all__ = ["maximask", "model_of_folder", "published_bool"]

logger = logging.getLogger(__name__)


Suffix = Literal["mask", "masks"]
"""Suffixes of the products."""


def maximask(
    im_path: Annotated[str, typer.Argument(help="File, `file.fits[n]`, folder or `.list` file.")],
    *,
    net_dir: Annotated[
        Path | None,
        typer.Option("--net_dir", help="SavedModel folder with other weights.", show_default=False),
    ] = None,
    config_dir: Annotated[
        Path | None,
        typer.Option(
            "--config_dir",
            help="Folder with classes.flags, classes.priors and classes.thresh, each optional.",
            show_default=False,
        ),
    ] = None,
    prior_modif: Annotated[
        str,
        typer.Option(
            "--prior_modif", help="Whether to correct probabilities for the priors.", metavar="BOOL"
        ),
    ] = "True",
    proba_thresh: Annotated[
        str, typer.Option("--proba_thresh", help="Whether to apply thresholds.", metavar="BOOL")
    ] = "True",
    single_mask: Annotated[
        str,
        typer.Option(
            "--single_mask", help="Whether to sum the classes' codes into one mask.", metavar="BOOL"
        ),
    ] = "False",
    batch_size: Annotated[
        int, typer.Option("--batch_size", min=1, help="Maximum number of tiles in one call of the network.")
    ] = 8,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Print progress messages.")] = False,
    suffix: Annotated[
        Suffix,
        typer.Option(
            "--suffix",
            help="Product name: file.mask.fits as written by MaxiMask, or file.masks.fits as in its "
            "documentation.",
        ),
    ] = "mask",
    debug: Debug = False,
) -> None:
    """Mask frames like the published command, with the same options, files and products.

    Known errors of the published command are corrected: see the page on the drop-in commands.

    Example: `skysieve maximask night.list --config_dir my_config --single_mask True`
    """
    from skysieve.cli.running import Failures, find_units, run_and_report, start_logging, with_own_product
    from skysieve.frames.mask.config_files import read_class_config
    from skysieve.frames.mask.job import MaskJob
    from skysieve.frames.mask.model import MAXIMASK
    from skysieve.frames.mask.settings import MaskSettings

    start_logging(verbose=verbose)
    modify = published_bool("--prior_modif", prior_modif)
    thresholded = published_bool("--proba_thresh", proba_thresh)
    single = published_bool("--single_mask", single_mask)
    if single and not thresholded:
        raise ConfigError("--single_mask True needs --proba_thresh True: codes are summed over decisions")
    config = None if config_dir is None else read_class_config(config_dir)
    defaults = MaskSettings()
    job = MaskJob(
        settings=MaskSettings(
            model=MAXIMASK.card.name if net_dir is None else model_of_folder(net_dir, MAXIMASK),
            classes=config.classes if config else defaults.classes,
            priors=(config.priors if config else {}) if modify else None,
            thresholds=config.thresholds if config else {},
            batch_size=batch_size,
        ),
        suffix=f".{suffix}{{hdu}}.fits",
        form="single" if single else "cube" if thresholded else "probabilities",
        overwrite=True,
    )

    def describe(unit: Location, record: MaskRecord) -> str:
        return f"{printable(unit)}: {printable(record.product)} in {record.seconds:.2f} s"

    failures = Failures(debug=debug)
    units = with_own_product(
        find_units([im_path], job.units, failures), job.product, failures, overwrite=True
    )
    done = list(
        run_and_report(job, units, processes=1, failures=failures, describe=describe, quiet=not verbose)
    )
    failures.finish(len(done))


def published_bool(option: str, text: str) -> bool:
    """Read a truth value as the published commands do.

    Parameters
    ----------
    option
        Name of the option, for the error message.
    text
        Its value.

    Returns
    -------
    bool
        The truth value.

    Raises
    ------
    ConfigError
        If the text is not a truth value.

    Examples
    --------
    >>> published_bool("--single_mask", "Yes")
    True
    """
    if text.lower() in ("yes", "true", "t", "y", "1"):
        return True
    if text.lower() in ("no", "false", "f", "n", "0"):
        return False
    raise ConfigError(f"{option} {text!r}: expected True or False")


def model_of_folder(folder: Path, network: PublishedNetwork) -> str:
    """Import a SavedModel folder of a published network as a model.

    Parameters
    ----------
    folder
        The SavedModel folder.
    network
        The published network that it holds.

    Returns
    -------
    str
        Folder of the model.
    """
    from skysieve.frames.maximask.published import import_models

    return str(import_models(folder, [network])[0].folder)
