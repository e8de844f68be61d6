"""One exposure written in all the ways in which archives and small programs write it."""

from __future__ import annotations

import bz2
import gzip
import io

import numpy as np
from astropy.io import fits

BLOCK = 2880
SOFTENING, OFFSET = 40.0, 900.0


def lzw(content):
    """Return bytes as ``compress -b 9`` may write them: every byte is a code of nine bits."""
    codes = np.frombuffer(content, np.uint8)
    bits = np.zeros((codes.size, 9), np.uint8)
    bits[:, :8] = np.unpackbits(codes[:, np.newaxis], axis=1, bitorder="little")
    return b"\x1f\x9d\x89" + np.packbits(bits, bitorder="little").tobytes()


def asinh(pixels):
    """Return pixels as Pan-STARRS stores them: on a scale of which OFFSET and SOFTENING tell the way back."""
    return (np.arcsinh((pixels.astype(np.float64) - OFFSET) / (2 * SOFTENING)) / (0.4 * np.log(10))).astype(
        np.float32
    )


def unpadded(path):
    """Cut off what fills up the last block of a file."""
    with fits.open(path, disable_image_compression=True) as hdus:
        end = hdus[-1].fileinfo()["datLoc"] + hdus[-1].size
    assert end % BLOCK
    path.write_bytes(path.read_bytes()[:end])
    return path


def damaged_table():
    """Return the bytes of an ASCII table in which a letter stands in a column of numbers."""
    table = fits.TableHDU.from_columns([fits.Column("N", "I6", array=np.arange(4), ascii=True)], name="ASC")
    content = of_extension(table)
    return content[:-BLOCK] + content[-BLOCK:].replace(b"     2", b"  J  2")


def damaged_image(keyword=b"ZNAXIS2 =", value="'abc'"):
    """Return the bytes of a compressed image with an impossible card."""
    content = of_extension(fits.CompImageHDU(np.zeros((64, 64), np.int16), name="BROKEN"))
    start = content.index(keyword)
    card = f"{keyword.decode():9} {value}".ljust(80).encode()
    return content[:start] + card + content[start + 80 :]


def of_extension(hdu):
    """Return the bytes of an extension."""
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(stream)
    return stream.getvalue()[BLOCK:]


def write_good_kinds(folder, hdus):
    """Write an exposure in every way that is read: HDUs, of which all but the first hold float32 images.

    Returns
    -------
    dict
        Paths by the kind of file; ``plain`` is the usual one.
    """
    plain = folder / "plain.fits"
    hdus.writeto(plain)
    content = plain.read_bytes()
    kinds = {
        "last block short": content,
        "gzip": gzip.compress(content),
        "gzip with a long tail": gzip.compress(content + bytes(2**23)),
        "bzip2": bz2.compress(content),
        "LZW": lzw(content),
        "beside a damaged table": content + damaged_table(),
        "beside a damaged image": content + damaged_image(),
    }
    endings = {"gzip": ".gz", "gzip with a long tail": ".gz", "bzip2": ".bz2", "LZW": ".Z"}
    paths = {"plain": plain}
    for kind, written in kinds.items():
        paths[kind] = folder / f"{kind.replace(' ', '_')}.fits{endings.get(kind, '')}"
        paths[kind].write_bytes(written)
    unpadded(paths["last block short"])
    paths["one tile an image"] = folder / "one_tile.fits.fz"
    packed = [
        fits.CompImageHDU(
            hdu.data, hdu.header, compression_type="GZIP_2", tile_shape=hdu.shape, quantize_level=0
        )
        for hdu in hdus[1:]
    ]
    fits.HDUList([hdus[0].copy(), *packed]).writeto(paths["one tile an image"])
    paths["asinh scale"] = folder / "asinh.fits"
    scaled = [fits.ImageHDU(asinh(hdu.data), hdu.header) for hdu in hdus[1:]]
    for hdu in scaled:
        hdu.header["BSOFTEN"], hdu.header["BOFFSET"] = SOFTENING, OFFSET
    fits.HDUList([hdus[0].copy(), *scaled]).writeto(paths["asinh scale"])
    return paths


def write_bad_kinds(folder, hdus):
    """Write an exposure in ways that cannot be right; return the paths by the kind of damage."""
    plain = folder / "right.fits"
    hdus.writeto(plain)
    content = plain.read_bytes()
    first = hdus[1].data.shape[1]
    card = f"NAXIS1  = {first:>20}".encode()
    primary = fits.PrimaryHDU().header.tostring().encode()
    kinds = {
        "axis is a text": content.replace(card, b"NAXIS1  = 'abc'".ljust(len(card)), 1),
        "axis is absurd": content.replace(card, f"NAXIS1  = {10**20:>20}".encode(), 1),
        "axis is negative": content.replace(card, f"NAXIS1  = {-first:>20}".encode(), 1),
        "only a damaged image": primary + damaged_image(),
        "image of terapixels": primary + damaged_image(value="1000000000000"),
        "axis of a tile is absurd": primary + damaged_image(b"ZTILE1  =", "1E30"),
        "header without end": content[:BLOCK].replace(b"END", b"   ") + b" " * (2**24),
        "no such LZW": b"\x1f\x9d\x90" + b"\xff" * 4000,
        "xz": b"\xfd7zXZ\x00" + bytes(4000),
    }
    paths = {}
    for kind, written in kinds.items():
        paths[kind] = folder / f"{kind.replace(' ', '_')}.fits"
        paths[kind].write_bytes(written)
    return paths
