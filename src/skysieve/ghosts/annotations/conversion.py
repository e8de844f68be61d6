"""Conversion of annotations from one format to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.errors import ConfigError, OutputError
from skysieve.ghosts.annotations.annotation_files import read_annotations, write_annotations
from skysieve.ghosts.annotations.summaries import describe_skipped, warn_unknown

if TYPE_CHECKING:
    from skysieve.ghosts.annotations.settings import AnnotationForm, PictureShape

__all__ = ["convert_annotations"]


def convert_annotations(settings: AnnotationForm, pictures: PictureShape, *, overwrite: bool) -> str:
    """Read annotations, and write them in another format.

    Parameters
    ----------
    settings
        The files and the format.
    pictures
        Shape of the images, for files that do not give it.
    overwrite
        Whether an existing file may be replaced.

    Returns
    -------
    str
        Summary on one line: the file, its format, and the numbers of images and regions.

    Raises
    ------
    ConfigError
        If an option is not for the format.
    OutputError
        If the file cannot be written, or is the one to convert.
    SourceError
        If the annotations cannot be read.
    """
    source, output = settings.source, settings.output
    if output.resolve() == source.resolve():
        raise OutputError(f"{output} is the file to convert; choose another --output")
    read = read_annotations(source, shape=pictures.shape)
    form = settings.to or ("via" if read.form == "coco" else "coco")
    if settings.polygons and form != "coco":
        raise ConfigError(f"--polygons is for --to coco, not for {form}")
    warn_unknown(read)
    written = write_annotations(read, output, form, polygons=settings.polygons, overwrite=overwrite)
    regions = sum(len(image.ghosts) for image in read.images)
    lost = f", {regions - written} without a pixel of the picture left out" if written < regions else ""
    return f"{output}: {form}, {len(read.images)} images, {written} regions{describe_skipped(read)}{lost}"
