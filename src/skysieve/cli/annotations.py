"""``skysieve annotations``: convert, check and compare outlines of ghosts drawn by people."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from skysieve.cli.options import Debug, Overwrite
from skysieve.core.errors import ConfigError, OutputError, SkysieveError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from skysieve.cli.running import Failures
    from skysieve.ghosts.annotations.annotated_images import Annotations
    from skysieve.ghosts.evaluate.agreement import Agreement

__all__ = ["app"]

logger = logging.getLogger(__name__)

app = typer.Typer(no_args_is_help=True, help="Convert, check and compare outlines of ghosts.")

MAX_NAMED = 3
"""Maximum number of image names in one message."""


Form = Literal["via", "via-list", "via-dict", "coco"]
"""File formats of annotations."""

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        help="Projects, lists or dicts of the VGG Image Annotator 2, or COCO instances.",
        show_default=False,
    ),
]
PictureShape = Annotated[
    tuple[int, int],
    typer.Option(
        "--shape",
        metavar="H W",
        help="Height and width of the images, in pixels, if the files do not give them.",
    ),
]


@app.callback()
def begin() -> None:
    """Convert, check and compare outlines of ghosts on focal planes."""
    from skysieve.cli.running import start_logging

    start_logging()


@app.command("convert")
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Annotation file.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="Output file.")],
    *,
    to: Annotated[
        Form | None,
        typer.Option(
            "--to", help="Output format; default coco, or via if the input is COCO.", show_default=False
        ),
    ] = None,
    polygons: Annotated[
        bool,
        typer.Option("--polygons", help="For COCO, write polygons along pixel edges instead of run lengths."),
    ] = False,
    shape: PictureShape = (400, 400),
    overwrite: Overwrite = False,
    _debug: Debug = False,
) -> None:
    """Convert annotations between formats: projects, lists and dicts of the VGG Image Annotator 2, or COCO.

    Every ghost keeps its pixels. COCO files do not keep the kind of shape: converted back, all are polygons.

    Example: `skysieve annotations convert project.json -o instances.json --to coco`
    """
    from skysieve.ghosts.annotations.annotation_files import read_annotations, write_annotations

    _check_shape(shape)
    if output.resolve() == source.resolve():
        raise OutputError(f"{output} is the file to convert; choose another --output")
    read = read_annotations(source, shape=shape)
    form = to or ("via" if read.form == "coco" else "coco")
    if polygons and form != "coco":
        raise ConfigError(f"--polygons is for --to coco, not for {form}")
    _warn(read)
    written = write_annotations(read, output, form, polygons=polygons, overwrite=overwrite)
    regions = sum(len(image.ghosts) for image in read.images)
    lost = f", {regions - written} without a pixel of the picture left out" if written < regions else ""
    print(f"{output}: {form}, {len(read.images)} images, {written} regions{_describe_skipped(read)}{lost}")


@app.command("check")
def check(files: Files, *, shape: PictureShape = (400, 400), debug: Debug = False) -> None:
    """Count images and regions by class and shape, and list regions that are left out or look wrong.

    A file that cannot be read, or has regions of an unknown shape, is an error.

    Example: `skysieve annotations check annotators/*.json`
    """
    from skysieve.cli.running import Failures
    from skysieve.ghosts.annotations.annotation_files import find_problems
    from skysieve.ghosts.classes import CLASS_NAMES

    _check_shape(shape)
    failures = Failures(debug=debug)
    for read in _read(files, shape, failures):
        ghosts = [ghost for image in read.images for ghost in image.ghosts]
        classes = Counter(ghost.class_name for ghost in ghosts)
        shapes = Counter(ghost.outline.shape_name for ghost in ghosts)
        regions = f"{len(read.images)} images, {len(ghosts)} regions"
        print(f"{read.source}: {read.form}, {regions}{_describe_skipped(read)}")
        print("  " + ", ".join(f"{name} {classes[name]}" for name in CLASS_NAMES))
        if shapes:
            print("  " + ", ".join(f"{name} {shapes[name]}" for name in sorted(shapes)))
        for problem, images in find_problems(read).items():
            print(f"  {len(images)} {problem}: {_shortened(list(dict.fromkeys(images)))}")
        if read.skipped.unknown:
            failures.add(read.source, SourceError(_describe_unknown(read)))
    failures.finish(len(files) - len(failures.lines))


@app.command("agree")
def agree(
    files: Files,
    *,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="TABLE", help="Output table, as ECSV.", show_default=False),
    ] = None,
    shape: PictureShape = (400, 400),
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
    from skysieve.ghosts.evaluate.agreement import measure_agreement

    _check_shape(shape)
    twice = [str(path) for path, times in Counter(path.resolve() for path in files).items() if times > 1]
    if twice:
        raise ConfigError(f"{twice[0]} is given twice; give each person's file once")
    if output is not None:
        check_target(output, overwrite=overwrite)
    failures = Failures(debug=debug)
    read = list(_read(files, shape, failures))
    if len(read) < 2 and failures.lines:
        failures.finish(0)
    for file in read:
        _warn(file)
        if file.skipped.total:
            print(f"{file.source}{_describe_skipped(file)}")
    agreement = measure_agreement(read)
    _print_agreement(agreement)
    if output is not None:
        with atomic_write(output, overwrite=overwrite) as temporary:
            temporary.write_text(_table(agreement), encoding="utf-8")
    failures.finish(len(read))


def _check_shape(shape: tuple[int, int]) -> None:
    from skysieve.ghosts.annotations.annotated_images import MAX_SIDE

    if not 1 <= min(shape) <= max(shape) <= MAX_SIDE:
        raise ConfigError(
            f"--shape {shape[0]} {shape[1]}: expected height and width from 1 to {MAX_SIDE}, as 400 400"
        )


def _read(files: Sequence[Path], shape: tuple[int, int], failures: Failures) -> Iterator[Annotations]:
    from skysieve.ghosts.annotations.annotation_files import read_annotations

    for path in files:
        try:
            read = read_annotations(path, shape=shape)
        except SkysieveError as error:
            failures.add(path, error)
        else:
            yield read


def _describe_skipped(read: Annotations) -> str:
    return f", {read.skipped.total} left out ({read.skipped})" if read.skipped.total else ""


def _describe_unknown(read: Annotations) -> str:
    from skysieve.ghosts.annotations.via import KNOWN_SHAPES

    times = len(read.skipped.unknown)
    names = ", ".join(repr(name) for name in dict.fromkeys(read.skipped.unknown))
    what = f"{times} region{'s' * (times > 1)} of unknown shape {names} left out"
    return f"{read.source}: {what}; the shapes are {', '.join(KNOWN_SHAPES)}"


def _warn(read: Annotations) -> None:
    if read.skipped.unknown:
        logger.warning("%s", _describe_unknown(read))


def _shortened(names: Sequence[str]) -> str:
    """Return the first names of a list, and the number of the others."""
    more = f" and {len(names) - MAX_NAMED} more images" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more


def _print_agreement(agreement: Agreement) -> None:
    from skysieve.ghosts.evaluate.agreement import ANY, PUBLISHED_FULL_AGREEMENT

    n = len(agreement.annotators)
    print(f"{n} annotators, {len(agreement.images)} images that all of them looked at")
    if agreement.left_out:
        print(f"left out, as not in every file: {_shortened(agreement.left_out)}")
    print("\nVotes: of the pixels that anybody gave to the class, the part with so many votes")
    rows = [
        [
            name,
            *(f"{part:.3f}" for part in agreement.fractions(name)),
            str(agreement.histogram(name)[1:].sum()),
        ]
        for name in agreement.overlaps
    ]
    _print_table(["class", *map(str, range(1, n + 1)), "pixels"], rows)
    print(
        "\nIntersection over union of every two people, pooled over the images; Fleiss' kappa over all pixels"
    )
    _print_table(
        ["class", "mean", "lowest", "highest", "kappa"],
        [
            [name, *(f"{x:.3f}" for x in (o.mean, o.lowest, o.highest, agreement.kappa(name)))]
            for name, o in agreement.overlaps.items()
        ],
    )
    if not agreement.histogram(ANY)[1:].any():
        print("\nNobody outlined anything on these images")
        return
    low, high = agreement.full_agreement_interval()
    # the limits are NaN for a single image
    interval = f"; 95 % interval, for other such images: {low:.1%} to {high:.1%}" if low <= high else ""
    print(f"\nAll {n} agree on {agreement.fractions(ANY)[-1]:.1%} of the pixels of any class{interval}")
    print(f"Published, for eight people and 50 images: {PUBLISHED_FULL_AGREEMENT:.1%}")


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for row in (header, *rows):
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        print("  ".join(cells))


def _table(agreement: Agreement) -> str:
    from skysieve.core.evaluation.tables import to_ecsv

    names = list(agreement.overlaps)
    overlaps = [agreement.overlaps[name] for name in names]
    columns: dict[str, Sequence[object]] = {
        "class": names,
        "pixels": [int(agreement.histogram(name)[1:].sum()) for name in names],
    }
    for votes in range(1, len(agreement.annotators) + 1):
        columns[f"votes_{votes}"] = [float(agreement.fractions(name)[votes - 1]) for name in names]
    columns["iou_mean"] = [overlap.mean for overlap in overlaps]
    columns["iou_lowest"] = [overlap.lowest for overlap in overlaps]
    columns["iou_highest"] = [overlap.highest for overlap in overlaps]
    columns["kappa"] = [agreement.kappa(name) for name in names]
    meta = {"annotators": list(agreement.annotators), "images": list(agreement.images)}
    return to_ecsv(columns, units={"pixels": "pix"}, meta=meta)
