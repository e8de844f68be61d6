"""Make the picture of the page on clusters: ``python docs/_generate/clusters_image.py``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

PICTURE = Path(__file__).parents[1] / "images" / "clusters.png"
WIDTH = 1000
COLOURS = 64
SHOWN = 0.42
"""Part of the picture, from its top: five candidates of twelve."""


def main() -> None:
    """Run the demonstration in a temporary folder, and keep its five best candidates in fewer colours."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "skysieve", "clusters", "demo", "-o", f"{name}/demo"]
        subprocess.run(command, check=True)  # noqa: S603 (our own command)
        with Image.open(Path(name, "demo", "found", "preview-candidates.png")) as preview:
            top = preview.convert("RGB").crop((0, 0, preview.width, round(SHOWN * preview.height)))
            height = round(top.height * WIDTH / top.width)
            small = top.resize((WIDTH, height), Image.Resampling.LANCZOS)
    small.quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    print(f"{PICTURE}: {PICTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
