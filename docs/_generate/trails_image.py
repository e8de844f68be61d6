"""Draw the trails of a simulated exposure as lines: ``python docs/_generate/trails_image.py``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from astropy import units
from astropy.nddata import CCDData
from astropy.visualization import AsinhStretch, ImageNormalize, ZScaleInterval
from astropy.wcs import WCS
from PIL import Image

import skysieve
from skysieve.frames.simulate.contaminants.trails import Trails
from skysieve.frames.simulate.frame import simulate_frame
from skysieve.frames.simulate.recipe import read_recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__: list[str] = []

PICTURE = Path(__file__).parents[1] / "images" / "trails.png"
SIDE, GAP, SEED = 640, 48, 2
COLOURS = plt.colormaps["Set2"].colors


def detector(pixels: NDArray[np.float32], column: int) -> CCDData:
    """Return the part of a picture that a detector sees, with its world coordinates."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.cdelt = [150.0, 2.0], [-7e-5, 7e-5]
    wcs.wcs.crpix = [SIDE + GAP / 2 - column, SIDE / 2]
    return CCDData(pixels[:, column : column + SIDE], unit=units.adu, wcs=wcs)


def main() -> None:
    """Simulate, mask, list and draw; print the table."""
    recipe = read_recipe("decam")
    trails = Trails(length=(900.0, 4000.0), ridge=(0.5, 10.0), per_kpx=4.0, flashing=0.4)
    recipe = replace(recipe, contaminants=replace(recipe.contaminants, TRL=trails))
    simulated = simulate_frame(
        (SIDE, 2 * SIDE + GAP), seed=SEED, recipe=recipe, contaminants=["CR", "TRL", "SP", "SAT"], kind="raw"
    )
    columns = (0, SIDE + GAP)
    results = [skysieve.mask(detector(simulated.pixels, column)) for column in columns]
    table = skysieve.trails(results)
    table["trail", "hdu", "x1", "y1", "x2", "y2", "width", "snr", "period", "kind"].pprint(max_width=-1)
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(10.2, 10.2), layout="constrained")
    for axes in (top, bottom):
        for result, column in zip(results, columns, strict=True):
            pixels = result.kept_pixels()
            norm = ImageNormalize(pixels, interval=ZScaleInterval(), stretch=AsinhStretch())
            axes.imshow(
                pixels,
                norm=norm,
                cmap="gray",
                origin="lower",
                extent=(column - 0.5, column + SIDE - 0.5, -0.5, SIDE - 0.5),
            )
        axes.set(xlim=(-0.5, 2 * SIDE + GAP - 0.5), ylim=(-0.5, SIDE - 0.5), xticks=[], yticks=[])
    for row in table:
        column = columns[row["hdu"]] - 1
        x, y = (
            [row["x1"].value + column, row["x2"].value + column],
            [row["y1"].value - 1, row["y2"].value - 1],
        )
        colour = COLOURS[(row["trail"] - 1) % len(COLOURS)]
        bottom.plot(x, y, color=colour, lw=1.2, marker="o", ms=4, mfc="none")
        text = f"{row['trail']}: {row['width'].value:.1f} px wide"
        middle = (sum(x) / 2, sum(y) / 2 + 14)
        bottom.annotate(text, middle, size=9, ha="center", bbox={"fc": colour, "ec": "none", "pad": 1.5})
    figure.savefig(PICTURE, dpi=75)
    with Image.open(PICTURE) as picture:
        reduced = picture.convert("RGB").quantize(96, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    reduced.save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
