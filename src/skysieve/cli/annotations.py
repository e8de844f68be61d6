"""``skysieve annotations``: convert, check and compare outlines of ghosts drawn by people."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

import typer

from skysieve.cli.options import Debugging, Overwriting
from skysieve.cli.settings_options import takes_settings
from skysieve.core.errors import ConfigError, OutputError, SkysieveError, SourceError
from skysieve.ghosts.annotations.settings import AgreementTable, AnnotationFiles, AnnotationForm, PictureShape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skysieve.cli.running import Failures
    from skysieve.ghosts.annotations.annotated_images import Annotations

__all__ = ["app"]

logger = logging.getLogger(__name__)

app = typer.Typer(no_args_is_help=True, help="Convert, check and compare outlines of ghosts.")


@app.callback()
def begin() -> None:
    """Convert, check and compare outlines of ghosts on focal planes."""
    from skysieve.cli.running import start_logging

    start_logging()


@app.command("convert")
@takes_settings
def convert(settings: AnnotationForm, pictures: PictureShape, write: Overwriting) -> None:
    """Convert annotations between formats: projects, lists and dicts of the VGG Image Annotator 2, or COCO.

    Every ghost keeps its pixels. COCO files do not keep the kind of shape: converted back, all are polygons.

    Example: `skysieve annotations convert project.json -o instances.json --to coco`
    """
    from skysieve.ghosts.annotations.annotation_files import read_annotations, write_annotations
    from skysieve.ghosts.annotations.summaries import describe_skipped

    source, output = settings.source, settings.output
    if output.resolve() == source.resolve():
        raise OutputError(f"{output} is the file to convert; choose another --output")
    read = read_annotations(source, shape=pictures.shape)
    form = settings.to or ("via" if read.form == "coco" else "coco")
    if settings.polygons and form != "coco":
        raise ConfigError(f"--polygons is for --to coco, not for {form}")
    _warn(read)
    written = write_annotations(read, output, form, polygons=settings.polygons, overwrite=write.overwrite)
    regions = sum(len(image.ghosts) for image in read.images)
    lost = f", {regions - written} without a pixel of the picture left out" if written < regions else ""
    print(f"{output}: {form}, {len(read.images)} images, {written} regions{describe_skipped(read)}{lost}")


@app.command("check")
@takes_settings
def check(settings: AnnotationFiles, how: Debugging) -> None:
    """Count images and regions by class and shape, and list regions that are left out or look wrong.

    A file that cannot be read, or has regions of an unknown shape, is an error.

    Example: `skysieve annotations check annotators/*.json`
    """
    from skysieve.cli.running import Failures
    from skysieve.ghosts.annotations.summaries import describe_unknown, summary_lines

    failures = Failures(debug=how.debug)
    for read in _read(settings, failures):
        for line in summary_lines(read):
            print(line)
        if read.skipped.unknown:
            failures.add(read.source, SourceError(describe_unknown(read)))
    failures.finish(len(settings.files) - len(failures.lines))


@app.command("agree")
@takes_settings
def agree(product: AgreementTable, settings: AnnotationFiles, write: Overwriting, how: Debugging) -> None:
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

    twice = [
        str(path) for path, times in Counter(path.resolve() for path in settings.files).items() if times > 1
    ]
    if twice:
        raise ConfigError(f"{twice[0]} is given twice; give each person's file once")
    output = product.output
    if output is not None:
        check_target(output, overwrite=write.overwrite)
    failures = Failures(debug=how.debug)
    read = list(_read(settings, failures))
    if len(read) < 2 and failures.lines:
        failures.finish(0)
    for file in read:
        _warn(file)
        if file.skipped.total:
            print(f"{file.source}{describe_skipped(file)}")
    agreement = measure_agreement(read)
    print(agreement_text(agreement))
    if output is not None:
        with atomic_write(output, overwrite=write.overwrite) as temporary:
            temporary.write_text(agreement_ecsv(agreement), encoding="utf-8")
    failures.finish(len(read))


def _read(settings: AnnotationFiles, failures: Failures) -> Iterator[Annotations]:
    from skysieve.ghosts.annotations.annotation_files import read_annotations

    for path in settings.files:
        try:
            read = read_annotations(path, shape=settings.shape)
        except SkysieveError as error:
            failures.add(path, error)
        else:
            yield read


def _warn(read: Annotations) -> None:
    if read.skipped.unknown:
        from skysieve.ghosts.annotations.summaries import describe_unknown

        logger.warning("%s", describe_unknown(read))
