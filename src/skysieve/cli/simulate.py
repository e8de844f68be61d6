"""``skysieve simulate``: pictures with known truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.options import Debug, Overwrite

if TYPE_CHECKING:
    from astropy.io import fits

    from skysieve.simulate.frame import SimulatedFrame

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Simulate pictures with known truth.")


@app.callback()
def simulate() -> None:
    """Simulate pictures with known truth."""


@app.command("frame")
def simulate_frame(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="FITS file; the truth goes to its HDU TRUTH.")
    ],
    *,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all that is random.")] = 0,
    width: Annotated[int, typer.Option("--width", min=64, help="Columns.")] = 1024,
    height: Annotated[int, typer.Option("--height", min=64, help="Rows.")] = 1024,
    overwrite: Overwrite = False,
    _debug: Debug = False,
) -> None:
    """Simulate a CCD frame with its contaminants.

    Example: `skysieve simulate frame -o frame.fits --seed 1`
    """
    from astropy.io import fits

    from skysieve.imaging.fits_out import write_fits
    from skysieve.simulate.frame import simulate_frame as simulated

    frame = simulated((height, width), seed=seed)
    primary = fits.PrimaryHDU(frame.pixels)
    for keyword, value in frame.header().items():
        primary.header[keyword] = value
    write_fits([primary, _truth_hdu(frame)], output, overwrite=overwrite)
    print(f"frame: {output}")


def _truth_hdu(frame: SimulatedFrame) -> fits.ImageHDU | fits.CompImageHDU:
    import numpy as np

    from skysieve.contaminants.classes import find_class
    from skysieve.contaminants.planes import SCHEMA
    from skysieve.imaging.fits_out import mask_hdu

    bits = np.zeros(frame.pixels.shape, np.int16)
    for name, pixels in frame.truth.items():
        bits |= pixels * np.int16(find_class(name).code)
    return mask_hdu(bits, header=None, name="TRUTH", cards=SCHEMA.header_cards())
