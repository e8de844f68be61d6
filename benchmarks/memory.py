"""Memory and time of masking a very large frame, from FITS file to FITS file."""

from __future__ import annotations

import tempfile
from pathlib import Path

from astropy.io import fits
from machine import CORES, has_bf16
from process import SKYSIEVE, run_measured
from results import Bar, Result, Table

from frames import large_frame

__all__ = ["measure"]

LIMIT_MB = 2000


def measure(large: int) -> Result:
    """Mask one frame with each precision."""
    side, frame = large, large_frame(large)
    bars, rows = [], []
    for precision in ("f32", *(["bf16"] if has_bf16() else [])):
        with tempfile.TemporaryDirectory() as name:
            product = Path(name) / "mask.fits"
            command = [SKYSIEVE, "mask", frame, "-o", product, "--precision", precision]
            done = run_measured(command)
            with fits.open(product) as hdus:
                masks = [hdu for hdu in hdus if hdu.is_image and len(hdu.shape) == 2]
                if [hdu.shape for hdu in masks] != [(side, side)]:
                    raise RuntimeError(f"{product}: expected one mask of {side} x {side} pixels")
            size = product.stat().st_size / 1e6
        rows.append((precision, done.peak_mb, done.seconds, side * side / done.seconds / 1e6, size))
        bars.append(Bar(f"peak memory, {side} x {side}, {precision}", "<=", LIMIT_MB, done.peak_mb, "MB"))
    columns = (
        ("precision", ""),
        ("peak, MB", ".0f"),
        ("time, s", ".1f"),
        ("Mpix/s of frame", ".3f"),
        ("mask, MB", ".1f"),
    )
    return Result(
        "Memory on a large frame",
        f"One run in a new process of `skysieve mask` on {side} x {side} float32 pixels "
        f"({frame.stat().st_size / 1e6:.0f} MB) to a bit mask, with each precision; {CORES} processors. "
        "Peak: the largest resident memory that the system reports, in 10^6 bytes. The frame is a mosaic of "
        "simulated panels.",
        bars,
        [Table("Whole command", columns, rows)],
    )
