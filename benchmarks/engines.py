"""Speed of the engines on the network alone; the basis for the choice of the default."""

from __future__ import annotations

import importlib.util
import json
import math
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from machine import CORES
from process import run_measured
from results import Cell, Result, Table

from frames import SIDE
from skysieve.frames.image.tiles import TileSizes, plan_tiles
from skysieve.frames.mask.masker import PUBLISHED_BATCH, PUBLISHED_TILES
from skysieve.frames.mask.model import CONTAMINANTS

__all__ = ["measure"]

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Timing:
    """Seconds of a call and of loading with the first call; resident memory at its peak, and its growth."""

    seconds: float
    first: float
    peak: float
    growth: float


def measure(runs: int) -> Result:
    """Time every engine with every form of unpooling, on the published and on the default tiles."""
    card = CONTAMINANTS.load("maximask").card
    published = (PUBLISHED_BATCH, PUBLISHED_TILES["size"], PUBLISHED_TILES["size"])
    shapes = {"published": published, "default": _default_tiles()}
    engines = [name for name in ("openvino", "onnxruntime") if importlib.util.find_spec(name)]
    rows: list[tuple[Cell, ...]] = []
    for graph in card.graphs:
        form = graph.file.removeprefix(f"{card.name}-").removesuffix(".onnx")
        for engine in engines:
            used = "yes" if engine in graph.engines else "no"
            for precision, stated in card.tiling.bytes_per_pixel.items():
                for name, shape in shapes.items():
                    label = (engine, form, precision, used, f"{name}, {' x '.join(map(str, shape))}")
                    found = _run(engine, graph.file, precision, shape, runs)
                    if isinstance(found, str):
                        rows.append((*label, None, None, None, None, stated, found))
                        break
                    pixels = math.prod(shape)
                    speed, growth = pixels / found.seconds / 1e6, found.growth / pixels
                    rows.append((*label, speed, found.first, found.peak / 1e6, growth, stated, ""))
    columns = (
        ("engine", ""),
        ("unpooling", ""),
        ("precision", ""),
        ("used", ""),
        ("tiles", ""),
        ("Mpix/s", ".3f"),
        ("loading and first call, s", ".2f"),
        ("peak, MB", ".0f"),
        ("bytes a pixel", ".0f"),
        ("in the card", "d"),
        ("error", ""),
    )
    text = (
        "Used: whether Skysieve uses this form of the graph with this engine. Bytes a pixel: increase of the "
        "peak resident memory over that of the imported engine, including the weights; Skysieve chooses the "
        "tile size from the number in the model's card."
    )
    return Result(
        "Engines and forms of the graph",
        "The network alone on pixels of pure noise, each row in a separate process, with one warm-up call, "
        f"then {runs} timed calls; the median is given. Speeds count all pixels that pass through the "
        "network; as tiles overlap, these are more than the pixels of a frame. Published tiles are those of "
        f"the published tools; default tiles are planned for {SIDE} x {SIDE} pixels in float32. {CORES} "
        "threads.",
        tables=[Table("Measured", columns, rows, text)],
    )


def _default_tiles() -> Shape:
    """Return the batch, height and width of the tiles for a frame, with the memory of float32."""
    tiling = CONTAMINANTS.load("maximask").card.tiling
    plan = plan_tiles(
        (SIDE, SIDE),
        TileSizes(tiling.multiple, tiling.remainder, tiling.minimum),
        margin=tiling.margin,
        max_pixels=tiling.memory * 10**6 // tiling.bytes_per_pixel["f32"],
    )
    return (plan.batch, *plan.tile_shape)


def _run(engine: str, graph: str, precision: str, shape: Shape, calls: int) -> Timing | str:
    """Time one combination in a separate process; return the error if it does not run."""
    worker = Path(__file__).with_name("engine_worker.py")
    done = run_measured([sys.executable, worker, engine, graph, precision, *map(str, shape), str(calls)])
    found = json.loads(done.output.strip().splitlines()[-1])
    if "error" in found:
        return _short(found["error"])
    growth = found["peak"] - found["before"]
    return Timing(statistics.median(found["seconds"]), found["first"], found["peak"], growth)


def _short(error: str) -> str:
    """Return an error on one line; if it ends with a summary, only its first part and the summary."""
    own, _, rest = error.partition(" (")
    _, summary, reasons = rest.partition("Summary:")
    return f"{own}: {reasons.strip().splitlines()[0]}" if summary else " ".join(error.split())
