"""Make the picture of the front page from ``make demo``: ``python docs/_generate/demo_image.py``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

PICTURE = Path(__file__).parents[1] / "images" / "demo.png"
WIDTH = 1200
COLOURS = 192
GREYS = 64


def main() -> None:
    """Run the commands of ``make demo`` in a temporary folder, and keep the preview in fewer colours."""
    with tempfile.TemporaryDirectory() as name:
        frame = Path(name, "frame.fits")
        _skysieve("simulate", "frame", "-o", str(frame), "--seed", "1")
        _skysieve("mask", str(frame), "--preview", "-o", f"{name}/{{stem}}.mask.fits")
        with Image.open(Path(name, "frame.mask.png")) as preview:
            height = round(preview.height * WIDTH / preview.width)
            small = preview.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)
    reduced = small.quantize(palette=_palette(small), dither=Image.Dither.NONE)
    reduced.save(PICTURE, optimize=True)
    print(f"{PICTURE}: {PICTURE.stat().st_size} bytes")


def _palette(picture: Image.Image) -> Image.Image:
    """Return greys at equal steps, and colours of which each counts once: most pixels are grey."""
    pixels = np.asarray(picture).reshape(-1, 3)
    seen = np.unique(pixels & 0xF0, axis=0) | 0x08
    hues = Image.fromarray(seen[None]).quantize(COLOURS, method=Image.Quantize.MEDIANCUT).getpalette() or []
    greys = np.linspace(0, 255, GREYS).round().astype(int).repeat(3).tolist()
    palette = Image.new("P", (1, 1))
    palette.putpalette([*greys, *hues])
    return palette


def _skysieve(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "skysieve", *arguments], check=True)  # noqa: S603 (our own command)


if __name__ == "__main__":
    main()
