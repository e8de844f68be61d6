"""``skysieve annotations``: convert, check and compare outlines of ghosts drawn by people."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skysieve.cli.options import Debug, Overwrite
from skysieve.cli.settings_options import takes_settings
from skysieve.core.errors import ConfigError, OutputError, SkysieveError, SourceError
from skysieve.ghosts.annotations.settings import AnnotationForm, PictureShape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from skysieve.cli.running import Failures
    from skysieve.ghosts.annotations.annotated_images import Annotations

__all__ = ["app"]

logger = logging.getLogger(__name__)

app = typer.Typer(no_args_is_help=True, help="Convert, check and compare outlines of ghosts.")

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        help="Projects, lists or dicts of the VGG Image Annotator 2, or COCO instances.",
        show_default=False,
    ),
]


@app.callback()
def begin() -> None:
    """Convert, check and compare outlines of ghosts on focal planes."""
    from skysieve.cli.running import start_logging

    start_logging()


@app.command("convert")
@takes_settings
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Annotation file.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="Output file.")],
    *,
    settings: AnnotationForm,
    pictures: PictureShape,
    overwrite: Overwrite = False,
    _debug: Debug = False,
) -> None:
    """Convert annotations between formats: projects, lists and dicts of the VGG Image Annotator 2, or COCO.

    Every ghost keeps its pixels. COCO files do not keep the kind of shape: converted back, all are polygons.

    Example: `skysieve annotations convert project.json -o instances.json --to coco`
    """
    from skysieve.ghosts.annotations.annotation_files import read_annotations, write_annotations
    from skysieve.ghosts.annotations.summaries import describe_skipped

    if output.resolve() == source.resolve():
        raise OutputError(f"{output} is the file to convert; choose another --output")
    read = read_annotations(source, shape=pictures.shape)
    form = settings.to or ("via" if read.form == "coco" else "coco")
    if settings.polygons and form != "coco":
        raise ConfigError(f"--polygons is for --to coco, not for {form}")
    _warn(read)
    written = write_annotations(read, output, form, polygons=settings.polygons, overwrite=overwrite)
    regions = sum(len(image.ghosts) for image in read.images)
    lost = f", {regions - written} without a pixel of the picture left out" if written < regions else ""
    print(f"{output}: {form}, {len(read.images)} images, {written} regions{describe_skipped(read)}{lost}")


@app.command("check")
@takes_settings
def check(files: Files, *, pictures: PictureShape, debug: Debug = False) -> None:
    """Count images and regions by class and shape, and list regions that are left out or look wrong.

    A file that cannot be read, or has regions of an unknown shape, is an error.

    Example: `skysieve annotations check annotators/*.json`
    """
    from skysieve.cli.running import Failures
    from skysieve.ghosts.annotations.summaries import describe_unknown, summary_lines

    failures = Failures(debug=debug)
    for read in _read(files, pictures, failures):
        for line in summary_lines(read):
            print(line)
        if read.skipped.unknown:
            failures.add(read.source, SourceError(describe_unknown(read)))
    failures.finish(len(files) - len(failures.lines))


@app.command("agree")
@takes_settings
def agree(
    files: Files,
    *,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="TABLE", help="Output table, as ECSV.", show_default=False),
    ] = None,
    pictures: PictureShape,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    """Measure the agreement of annotators: one file per person, images matched by name.

    Prints votes per pixel, the intersection over union of every pair of people, and Fleiss' kappa, for each
    class and for all classes together.

    Example: `skysieve annotations agree annotators/*.json -o agreement.ecsv`
    """
    from skysieve.cli.running import Failures
    from skysieve.core.atomic import atomic_write, check_target
    from skysieve.ghosts.annotations.summaries import describe_skipped
    from skysieve.ghosts.evaluate.agreement import measure_agreement
    from skysieve.ghosts.evaluate.agreement_tables import agreement_ecsv, agreement_text

    twice = [str(path) for path, times in Counter(path.resolve() for path in files).items() if times > 1]
    if twice:
        raise ConfigError(f"{twice[0]} is given twice; give each person's file once")
    if output is not None:
        check_target(output, overwrite=overwrite)
    failures = Failures(debug=debug)
    read = list(_read(files, pictures, failures))
    if len(read) < 2 and failures.lines:
        failures.finish(0)
    for file in read:
        _warn(file)
        if file.skipped.total:
            print(f"{file.source}{describe_skipped(file)}")
    agreement = measure_agreement(read)
    print(agreement_text(agreement))
    if output is not None:
        with atomic_write(output, overwrite=overwrite) as temporary:
            temporary.write_text(agreement_ecsv(agreement), encoding="utf-8")
    failures.finish(len(read))


def _read(files: Sequence[Path], pictures: PictureShape, failures: Failures) -> Iterator[Annotations]:
    from skysieve.ghosts.annotations.annotation_files import read_annotations

    for path in files:
        try:
            read = read_annotations(path, shape=pictures.shape)
        except SkysieveError as error:
            failures.add(path, error)
        else:
            yield read


def _warn(read: Annotations) -> None:
    if read.skipped.unknown:
        from skysieve.ghosts.annotations.summaries import describe_unknown

        logger.warning("%s", describe_unknown(read))
