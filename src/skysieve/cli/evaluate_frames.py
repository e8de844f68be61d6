"""``skysieve evaluate probes`` and ``scenes``: models on simple scenes, and what frames contain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.cli.options import Run, Writing
from skysieve.cli.settings_options import takes_settings
from skysieve.core.errors import ConfigError
from skysieve.core.extras import require
from skysieve.core.models.engine_settings import EngineSettings
from skysieve.frames.evaluate.settings import ProbeProducts, ProbeSettings, SceneSettings, TableFile

if TYPE_CHECKING:
    from skysieve.frames.evaluate.probes import ProbeRun
    from skysieve.frames.evaluate.scene_content import ClassSummary, FrameContent
    from skysieve.frames.mask.masker import Masker

__all__ = ["evaluate_probes", "evaluate_scenes"]


@takes_settings
def evaluate_probes(
    settings: ProbeSettings, products: ProbeProducts, engine: EngineSettings, write: Writing
) -> None:
    """Test models on simple scenes of textbook shapes, each with one correct class.

    A probe is one scene with one object. It passes if at least 80 % of the object's pixels get the correct
    class, at most 5 % of them get other contaminant classes, and at most 1 % of the pixels far from the
    object get any contaminant class. The exit code is 0 however many probes pass.

    Examples
    --------
    `skysieve evaluate probes --model skysieve`

    `skysieve evaluate probes --model mine/ --only '*trail*' --preview trails.png`
    """
    from skysieve.cli.reporting import command_line, counter
    from skysieve.core.atomic import check_target
    from skysieve.core.execution.terminal_log import start_logging
    from skysieve.frames.evaluate.probe_products import outcome_table, write_outcomes, write_probe_preview
    from skysieve.frames.evaluate.probes import run_probe, select_probes
    from skysieve.frames.mask.masker import Masker
    from skysieve.frames.mask.settings import MaskSettings

    start_logging()
    output, preview = products.output, products.preview
    for path in (output, preview):
        if path is not None:
            check_target(path, overwrite=write.overwrite)
    probes = select_probes(settings.only)
    maskers = [Masker(MaskSettings(model=name, **vars(engine))) for name in settings.model]
    show = counter(quiet=write.quiet)
    found: list[tuple[str, list[ProbeRun]]] = []
    for name, masker in zip(settings.model, maskers, strict=True):
        runs: list[ProbeRun] = []
        for probe in probes:
            runs.append(run_probe(masker, probe, draws=settings.draws))
            show(f"{name}: {len(runs)}/{len(probes)}")
        show("")
        found.append((name, runs))
        outcomes = [run.outcome for run in runs]
        passed = f"{sum(one.passed for one in outcomes)} of {len(outcomes)} probes pass"
        table = outcome_table(outcomes, markdown=products.markdown)
        separator = ": " if write.quiet else f"\n\n{table}\n"
        print(f"{_heading(name, masker)}{separator}{passed}", flush=True)
    if output is not None:
        meta = {"command": command_line(), "draws": settings.draws}
        write_outcomes(found, output, meta=meta, overwrite=write.overwrite)
        print(f"table: {output}")
    if preview is not None:
        write_probe_preview(*found[0], preview, overwrite=write.overwrite)
        print(f"picture: {preview}")


def _heading(name: str, masker: Masker) -> str:
    card, network = masker.model.card, masker.network
    return f"{name}: version {card.version}, {network.sha256[:12]}, {network.engine} {network.precision}"


@takes_settings
def evaluate_scenes(settings: SceneSettings, product: TableFile, run: Run) -> None:
    """Measure how often each class occurs in frames, and how strong and large it is.

    Prints one table per recipe or path. Its columns: fraction of the frames into which the class was put;
    fraction of the frames with any pixel of it, with --least pixels and with ten times that; fraction of the
    tiles with --least pixels; fraction of all pixels; the median number of pixels in frames that have any;
    and the 10, 50 and 90 % quantiles of contrast (in standard deviations of the noise), length and mean width
    (in pixels) of the pieces, weighted by length. A piece is a connected group of pixels of the class; its
    contrast is the median absolute value of its pixels, which is 0.67 for pure noise.

    Examples
    --------
    `skysieve evaluate scenes --recipe default -n 120`

    `skysieve evaluate scenes --recipe mine.yaml --tile 384 -o mine.ecsv -j 2`
    """
    from skysieve.cli.reporting import command_line, counter
    from skysieve.cli.running import Failures
    from skysieve.core.atomic import check_target
    from skysieve.core.execution.terminal_log import start_logging
    from skysieve.frames.evaluate.scene_content import summarise
    from skysieve.frames.evaluate.scene_sets import scene_sets
    from skysieve.frames.evaluate.scene_tables import scene_table, write_scenes

    start_logging()
    output, tile, min_pixels = product.output, settings.tile, settings.min_pixels
    if not settings.recipe and not settings.frames:
        raise ConfigError("no frames to measure; give --recipe or --frames")
    if output is not None:
        check_target(output, overwrite=run.overwrite)
    if settings.recipe:
        require("simulation", "simulate")
    failures = Failures(debug=run.debug)
    sets = scene_sets(settings, processes=run.jobs, begin=start_logging, failed=failures.add)
    show = counter(quiet=run.quiet)
    found: list[tuple[str, int, list[ClassSummary]]] = []
    for name, contents in sets:
        measured: list[FrameContent] = []
        for content in contents:
            measured.append(content)
            show(f"{name}: {len(measured)} frames")
        show("")
        if not measured:
            continue
        summaries = summarise(measured, min_pixels=min_pixels)
        found.append((name, len(measured), summaries))
        tiles = sum(content.tiles for content in measured)
        print(f"{name}: {len(measured)} frames, {tiles} tiles of {tile} × {tile} px")
        print(scene_table(summaries, min_pixels=min_pixels), flush=True)
    if output is not None and found:
        meta = {"command": command_line(), "least": min_pixels, "tile": tile}
        write_scenes(found, output, meta=meta, overwrite=run.overwrite)
        print(f"table: {output}")
    failures.finish(sum(count for _, count, _ in found))
