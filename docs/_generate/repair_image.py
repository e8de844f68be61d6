"""Draw a simulated frame and its repaired copy: ``python docs/_generate/repair_image.py``."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
from astropy.visualization import AsinhStretch, ImageNormalize, ZScaleInterval
from PIL import Image

import skysieve
from skysieve.frames.simulate.frame import simulate_frame
from skysieve.frames.simulate.recipe import read_recipe

__all__: list[str] = []

PICTURE = Path(__file__).parents[1] / "images" / "repair.png"
SIDE, SEED = 420, 12


def main() -> None:
    """Simulate, mask, repair and draw."""
    kinds = ["CR", "HCL", "DCL", "HP", "TRL", "SAT"]
    frame = simulate_frame(
        (SIDE, SIDE), seed=SEED, recipe=read_recipe("decam"), contaminants=kinds, kind="raw"
    )
    result = skysieve.mask(frame.pixels)
    bad = result.bad() & ~result.nodata
    repaired = skysieve.repair(frame.pixels, bad, noise=True)
    norm = ImageNormalize(frame.pixels, interval=ZScaleInterval(), stretch=AsinhStretch())
    figure, axes = plt.subplots(1, 2, figsize=(10.2, 5.2), layout="constrained")
    for axis, pixels, title in zip(axes, (frame.pixels, repaired), ("frame", "repaired copy"), strict=True):
        axis.imshow(pixels, norm=norm, cmap="gray", origin="lower")
        axis.set(xticks=[], yticks=[], title=title)
    figure.savefig(PICTURE, dpi=85)
    with Image.open(PICTURE) as picture:
        reduced = picture.convert("L").quantize(48, dither=Image.Dither.NONE)
    reduced.save(PICTURE, optimize=True)
    print(f"{bad.sum()} pixels filled; {PICTURE}: {PICTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
