"""Make the picture of the front page, ``python docs/_generate/demo_image.py``: the preview of ``make demo``, reduced."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

PICTURE = Path(__file__).parents[1] / "images" / "demo.png"
WIDTH = 1000
COLOURS = 256


def main() -> None:
    """Run the commands of ``make demo`` in a temporary folder, and keep the preview in fewer colours."""
    with tempfile.TemporaryDirectory() as name:
        frame = Path(name, "frame.fits")
        _skysieve("simulate", "frame", "-o", str(frame), "--seed", "1")
        _skysieve("mask", str(frame), "--preview", "-o", f"{name}/{{stem}}.mask.fits")
        with Image.open(Path(name, "frame.mask.png")) as preview:
            height = round(preview.height * WIDTH / preview.width)
            small = preview.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)
    reduced = small.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    reduced.save(PICTURE, optimize=True)
    print(f"{PICTURE}: {PICTURE.stat().st_size} bytes")


def _skysieve(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "skysieve", *arguments], check=True)


if __name__ == "__main__":
    main()
