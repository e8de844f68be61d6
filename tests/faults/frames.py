"""Small frames in every form that FITS has for them, and exposures of a small camera; all simulated."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from astropy.io import fits
from tests.ghosts import tiny_camera

from skysieve.frames.simulate.frame import simulate_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["exposure_files", "frame_files", "simulated_pixels"]

HDU: TypeAlias = fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU | fits.BinTableHDU
SIDE = 72


def simulated_pixels(seed: int, side: int = SIDE) -> NDArray[np.float32]:
    """Return the pixels of a simulated frame."""
    return np.asarray(simulate_frame((side, side), seed=seed).pixels, np.float32)


def frame_files(seed: int) -> dict[str, bytes]:
    """Return files of frames by what they are."""
    pixels = simulated_pixels(seed)
    counts = np.clip(pixels, 0, 65535).astype(np.uint16)
    bad = (pixels > np.percentile(pixels, 99)).astype(np.uint8)
    holes = np.where(bad > 0, np.nan, pixels)
    scaled = np.clip(pixels / 4, -32000, 32000).astype(np.int16)
    header = fits.Header([("OBJECT", "field"), ("EXPTIME", 30.0), ("GAIN", 1.5), ("SATURATE", 60000.0)])
    header["CTYPE1"], header["CTYPE2"], header["CRVAL1"], header["CRPIX1"] = "RA---TAN", "DEC--TAN", 10.0, 5.0
    header["CD1_1"], header["CD2_2"] = -1e-4, 1e-4
    scale = header.copy()
    scale["BLANK"] = -32768
    words = fits.Column("text", "PA(9)", array=["a", "bc", "a", "bc", "d"])
    table = fits.BinTableHDU.from_columns([fits.Column("x", "J", array=np.arange(5)), words])
    files: dict[str, list[HDU]] = {
        "counts": [fits.PrimaryHDU(counts, header)],
        "floats": [fits.PrimaryHDU(holes, header)],
        "scaled": [_scaled(scaled, scale)],
        "doubles": [fits.PrimaryHDU(), fits.ImageHDU(pixels.astype(np.float64), header, name="SCI")],
        "mosaic": [
            fits.PrimaryHDU(header=header),
            fits.ImageHDU(counts, header, name="SCI", ver=1),
            fits.ImageHDU(bad, name="DQ", ver=1),
            fits.ImageHDU(pixels, header, name="SCI", ver=2),
            table,
        ],
        "cube": [fits.PrimaryHDU(np.stack([scaled, scaled + 3, scaled - 5]), header)],
    }
    for name in ("RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "NOCOMPRESS"):
        files[name] = [fits.PrimaryHDU(), fits.CompImageHDU(scaled, header, compression_type=name)]
    files["PLIO_1"] = [
        fits.PrimaryHDU(),
        fits.CompImageHDU(np.abs(scaled), header, compression_type="PLIO_1"),
        table,
    ]
    files["quantised"] = [fits.PrimaryHDU(), fits.CompImageHDU(holes, header, quantize_level=16)]
    files["one tile"] = [
        fits.PrimaryHDU(),
        fits.CompImageHDU(scaled, header, compression_type="GZIP_2", tile_shape=scaled.shape),
    ]
    # A stated sum makes most damage plain at once, so half of the files have none
    plain = {name: _bytes(hdus) for name, hdus in files.items()}
    return plain | {f"{name}, summed": _bytes(hdus, summed=True) for name, hdus in files.items()}


def exposure_files(seed: int) -> dict[str, bytes]:
    """Return exposures of the small camera by what they are."""
    ccds = tiny_camera.sky(seed)
    ccds[4][64:192, 16:112] += 2000
    primary = fits.PrimaryHDU()
    primary.header["INSTRUME"] = "TinyCam"
    calibrated = {number: tiny_camera.calibrated(number, pixels) for number, pixels in ccds.items()}
    raw = {number: tiny_camera.raw(number, pixels) for number, pixels in ccds.items()}
    files = {"calibrated": list(calibrated.values()), "raw": list(raw.values())}
    for name in ("RICE_1", "GZIP_2", "HCOMPRESS_1"):
        files[name] = [
            fits.CompImageHDU(np.rint(hdu.data).astype(np.int32), hdu.header, compression_type=name)
            for hdu in calibrated.values()
        ]
    return {f"exposure, {name}": _bytes([primary, *hdus]) for name, hdus in files.items()}


def _scaled(stored: NDArray[np.int16], header: fits.Header) -> fits.PrimaryHDU:
    hdu = fits.PrimaryHDU(stored, header)
    hdu.header["BSCALE"], hdu.header["BZERO"] = 4.0, 100.0
    return hdu


def _bytes(hdus: list[HDU], *, summed: bool = False) -> bytes:
    buffer = io.BytesIO()
    fits.HDUList(hdus).writeto(buffer, checksum=summed)
    return buffer.getvalue()
