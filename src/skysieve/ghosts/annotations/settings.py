"""Settings of files of annotations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from skysieve.core.errors import ConfigError
from skysieve.core.settings import REQUIRED, setting

__all__ = [
    "MAX_SIDE",
    "PUBLISHED_SHAPE",
    "AgreementTable",
    "AnnotatedPictures",
    "AnnotationFiles",
    "AnnotationForm",
    "Form",
    "PictureShape",
]

Form = Literal["via", "via-list", "via-dict", "coco"]
"""File formats: projects of the VGG Image Annotator, lists and dicts of its images, and COCO instances."""

PUBLISHED_SHAPE = (400, 400)
"""Height and width of the published focal planes; the files of the VGG Image Annotator do not store them.

References
----------
Tanoglidis et al. 2022, Astronomy and Computing (arXiv 2109.08246).
"""

MAX_SIDE = 10_000
"""Maximum height and width of an image in pixels.  Ghosts are outlined on binned images: a larger size means
that the file is damaged."""


@dataclass(frozen=True, kw_only=True)
class AnnotatedPictures:
    """Pictures of focal planes with ghosts that people outlined.

    Attributes
    ----------
    pictures
        Folder with the annotated images.
    annotations
        Annotations of one person, VIA or COCO; repeat it to use the majority of several people.
    names
        Use only the images named in this file, one per line.
    """

    pictures: Path | None = setting(None, metavar="DIR", hidden_default=True)
    annotations: list[Path] = setting([], factory=list, metavar="FILE", hidden_default=True)
    names: Path | None = setting(None, metavar="FILE", hidden_default=True)


@dataclass(frozen=True, kw_only=True)
class PictureShape:
    """Shape of the images that were annotated.

    Attributes
    ----------
    shape
        Height and width of the images, in pixels, if the files do not give them.
    """

    shape: tuple[int, int] = setting(PUBLISHED_SHAPE, metavar="H W")

    def __post_init__(self) -> None:
        """Compare height and width with their bounds."""
        if not 1 <= min(self.shape) <= max(self.shape) <= MAX_SIDE:
            raise ConfigError(
                f"--shape {self.shape[0]} {self.shape[1]}: expected height and width from 1 to {MAX_SIDE}, "
                "as 400 400"
            )


@dataclass(frozen=True, kw_only=True)
class AnnotationForm:
    """Annotations that are converted, and the format in which they are written.

    Attributes
    ----------
    source
        Annotation file.
    output
        Output file.
    to
        Output format; default coco, or via if the input is COCO.
    polygons
        For COCO, write polygons along pixel edges instead of run lengths.
    """

    source: Path = setting(REQUIRED, argument=True, metavar="IN")
    output: Path = setting(REQUIRED, "-o", "--output", metavar="OUT")
    to: Form | None = setting(None, hidden_default=True)
    polygons: bool = setting(False)


@dataclass(frozen=True, kw_only=True)
class AnnotationFiles(PictureShape):
    """Annotations of several people.

    Attributes
    ----------
    files
        Projects, lists or dicts of the VGG Image Annotator 2, or COCO instances.
    """

    files: list[Path] = setting(REQUIRED, argument=True, metavar="FILE")


@dataclass(frozen=True, kw_only=True)
class AgreementTable:
    """Product of a comparison of annotators.

    Attributes
    ----------
    output
        Output table, as ECSV.
    """

    output: Path | None = setting(None, "-o", "--output", metavar="TABLE", hidden_default=True)
