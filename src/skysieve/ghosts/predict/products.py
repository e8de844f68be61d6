"""Products of the ghost search: label image, COCO instances, class map, and masks of the CCDs."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from skysieve.core.fits.cards import set_cards
from skysieve.core.fits.fits_out import mask_hdu
from skysieve.core.fits.structure import keep_structure
from skysieve.ghosts.annotations.annotated_images import AnnotatedImage, Annotations, OutlinedGhost
from skysieve.ghosts.annotations.coco import to_coco
from skysieve.ghosts.annotations.tracing import trace
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.focal_plane.geometry import ccd_mask
from skysieve.ghosts.focal_plane.picture_wcs import picture_wcs
from skysieve.ghosts.predict.decide import CELL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skysieve.core.fits.cards import HeaderCard
    from skysieve.core.fits.fits_frames import FrameHDU
    from skysieve.core.fits.structure import HDU, ImageExtension
    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.focal_plane.exposures import Exposure
    from skysieve.ghosts.focal_plane.sources import Source
    from skysieve.ghosts.predict.decide import Ghost

__all__ = ["BITS", "ccd_mask_hdus", "label_hdu", "probability_hdus", "write_instances"]

BITS: Mapping[str, int] = MappingProxyType(
    {name: 1 << (14 + number) for number, name in enumerate(CLASS_NAMES)}
)
"""Bits of the classes in masks of CCDs.  Masks of contaminants do not use them, so that both can be OR-ed."""


def label_hdu(
    ghosts: Sequence[Ghost], source: Source, camera: Camera, cards: Sequence[HeaderCard]
) -> fits.PrimaryHDU:
    """Return the label image: the number of the ghost with the highest score at each pixel of the picture.

    Row 1 is the top row of the picture.  Ghosts may overlap; the COCO instances have all pixels of each
    ghost.

    Parameters
    ----------
    ghosts
        Ghosts, sorted by decreasing score.
    source
        The picture.
    camera
        The camera.
    cards
        Further header cards.

    Returns
    -------
    astropy.io.fits.PrimaryHDU
        Labels ``(H, W)`` int16: numbers from 1, 0 without ghost.
    """
    labels = np.zeros(source.picture.shape, np.int16)
    for number, ghost in reversed(list(enumerate(ghosts, 1))):
        labels[ghost.mask] = number
    hdu = fits.PrimaryHDU(labels)
    system = None if source.sky is None else picture_wcs(camera, source.sky)
    if system is not None:
        hdu.header.update(system.to_header())
    own: list[HeaderCard] = [("CAMERA", camera.name, "whose focal plane this is")]
    own += [
        (f"GHOST{number}"[:8], f"{ghost.class_name} {ghost.score:.4f}", "class and score")
        for number, ghost in enumerate(ghosts, 1)
    ]
    set_cards(hdu.header, [*own, *cards])
    return hdu


def probability_hdus(
    classes: NDArray[np.float32], source: Source, camera: Camera, cards: Sequence[HeaderCard]
) -> list[HDU]:
    """Return the HDUs of the class map.

    Classes may overlap: the probabilities of a pixel do not add up to one.  Row 1 is the top row of the
    picture.

    Parameters
    ----------
    classes
        Class probabilities of each cell ``(C, H / 4, W / 4)`` float32; each cell becomes 4 x 4 pixels.
    source
        The picture.
    camera
        The camera.
    cards
        Further header cards.

    Returns
    -------
    list of HDU
        An empty primary HDU, and an image ``(H, W)`` float32 per class, with the name of the class.
    """
    primary = fits.PrimaryHDU()
    set_cards(primary.header, [("CAMERA", camera.name, "whose focal plane this is"), *cards])
    system = None if source.sky is None else picture_wcs(camera, source.sky)
    hdus: list[HDU] = [primary]
    for name, values in zip(CLASS_NAMES, classes, strict=True):
        hdu = fits.ImageHDU(np.kron(values, np.ones((CELL, CELL), np.float32)), name=name.upper())
        if system is not None:
            hdu.header.update(system.to_header())
        set_cards(hdu.header, [("CLASS", name, "class"), ("BUNIT", "", "probability")])
        hdus.append(hdu)
    return hdus


def write_instances(path: Path, name: str, shape: tuple[int, ...], ghosts: Sequence[Ghost]) -> None:
    """Write the ghosts of a picture as COCO instances with scores and run-length masks.

    Parameters
    ----------
    path
        The output file.
    name
        File name of the exposure or picture.
    shape
        Rows and columns of the picture.
    ghosts
        Ghosts, sorted by decreasing score.
    """
    height, width = shape
    outlined = tuple(OutlinedGhost(ghost.class_name, trace(ghost.mask), ghost.score) for ghost in ghosts)
    image = AnnotatedImage(name, (height, width), outlined)
    document = to_coco(Annotations(str(path), "coco", (image,)))
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def ccd_mask_hdus(exposure: Exposure, ghosts: Sequence[Ghost], cards: Sequence[HeaderCard]) -> Iterator[HDU]:
    """Return the mask of an exposure, with the HDU structure and the pixels of its file.

    Parameters
    ----------
    exposure
        The open exposure.
    ghosts
        Ghosts of its picture.
    cards
        Further header cards.

    Returns
    -------
    iterator of HDU
        Masks int32 with the bits of :data:`BITS`.
    """
    camera = exposure.camera
    unions = {name: np.zeros(camera.picture_shape, np.bool_) for name in CLASS_NAMES}
    for ghost in ghosts:
        unions[ghost.class_name] |= ghost.mask
    numbers = {hdu.index: number for number, hdu in exposure.frames.items()}
    schema: list[HeaderCard] = []
    for name, value in BITS.items():
        bit = value.bit_length() - 1
        schema += [
            (f"MSKN{bit:04d}", f"GHOST_{name.upper()}", "mask plane"),
            (f"MSKM{bit:04d}", value, "its value"),
        ]

    def make(hdu: FrameHDU, tables: bool) -> ImageExtension:  # noqa: FBT001 (called by position)
        number = numbers[hdu.index]
        bits = np.zeros(hdu.shape[-2:], np.int32)
        for name, union in unions.items():
            if union.any():
                stored = exposure.as_stored(number, ccd_mask(camera, number, union))
                # boolean indexing would copy the pixels twice
                np.bitwise_or(bits, BITS[name], out=bits, where=stored)
        return mask_hdu(bits, header=hdu.header, cards=[*schema, *cards], tables=tables)

    frames = {hdu.index: hdu for hdu in exposure.frames.values()}
    return keep_structure(exposure.hdus, frames, make, cards=list(cards))
