"""``skysieve annotations``: convert, check and compare outlines of ghosts drawn by people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import typer

from skysieve.cli.options import Debugging, Overwriting
from skysieve.cli.settings_options import takes_settings
from skysieve.core.errors import ConfigError, SkysieveError, SourceError
from skysieve.ghosts.annotations.settings import AgreementTable, AnnotationFiles, AnnotationForm, PictureShape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skysieve.cli.running import Failures
    from skysieve.ghosts.annotations.annotated_images import Annotations

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Convert, check and compare outlines of ghosts.")


@app.callback()
def begin() -> None:
    """Convert, check and compare outlines of ghosts on focal planes."""
    from skysieve.core.execution.terminal_log import start_logging

    start_logging()


@app.command("convert")
@takes_settings
def convert(settings: AnnotationForm, pictures: PictureShape, write: Overwriting) -> None:
    """Convert annotations between formats: projects, lists and dicts of the VGG Image Annotator 2, or COCO.

    Every ghost keeps its pixels. COCO files do not keep the kind of shape: converted back, all are polygons.

    Example: `skysieve annotations convert project.json -o instances.json --to coco`
    """
    from skysieve.ghosts.annotations.conversion import convert_annotations

    print(convert_annotations(settings, pictures, overwrite=write.overwrite))


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
    from skysieve.ghosts.annotations.summaries import describe_skipped, warn_unknown
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
        warn_unknown(file)
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
