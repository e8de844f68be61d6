"""``skysieve repair``: fill the bad pixels of frames, into copies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skysieve.cli.options import Writing
from skysieve.cli.settings_options import takes_settings
from skysieve.core.printable import printable
from skysieve.frames.repair.settings import RepairSettings

__all__ = ["repair"]


@takes_settings
def repair(
    frame: Annotated[str, typer.Argument(metavar="FRAME", help="FITS file of frames, or one HDU of it.")],
    mask: Annotated[str, typer.Argument(metavar="MASK", help="Mask of this file.")],
    *,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="PATH", help="The copy with filled pixels.")
    ],
    settings: RepairSettings,
    how: Writing,
) -> None:
    """Fill the bad pixels of frames from their surroundings, into a copy.

    Filled pixels are for pictures and for programs that need a value everywhere. Do not measure them.

    Examples
    --------
    `skysieve repair frame.fits frame.mask.fits -o clean.fits`

    `skysieve repair frame.fits frame.mask.fits -o clean.fits --bad CR,TRL --noise`
    """
    from skysieve.cli.running import start_logging
    from skysieve.frames.repair.files import repair_file

    start_logging()
    done = repair_file(frame, mask, output, settings, overwrite=how.overwrite)
    if how.quiet:
        return
    print(f"{printable(frame)} -> {printable(output)}")
    for one in done:
        print(
            f"  [{one.index}] filled {one.pixels} of {one.size} pixels ({100 * one.pixels / one.size:.3g}%)"
        )
