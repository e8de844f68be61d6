"""Time the simulator and the trainer of a training, separately and together; runs in a separate process.

Prints one JSON line with Mpix a second of each; see ``generator.py``.
"""

from __future__ import annotations

import json
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from machine import CORES

import skysieve.core.training.processors  # noqa: F401 - before torch, which may bind this process to one processor

import torch  # isort: skip

from skysieve.core.training.checkpoints import TrainingState
from skysieve.core.training.fit import MAX_NORM
from skysieve.core.training.recipe import read_training_recipe
from skysieve.frames.mask.classes import CLASS_NAMES
from skysieve.frames.simulate.recipe import read_recipe
from skysieve.frames.train.normalised_frames import NormalisedFrames
from skysieve.frames.train.segmentation import Segmentation
from skysieve.frames.train.tiles import BUFFER, SimulatedFrames, TileStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from skysieve.core.training.recipe import TrainingRecipe

__all__: list[str] = []

RECIPE = "contaminants"
FRAMES = 40
STEPS = 60
SETTLED = 2 * BUFFER
"""Number of tiles after which a stream simulates frames as fast as it uses them."""

SEED = 20_000_003


class Ready(torch.utils.data.IterableDataset[Any]):
    """Endless stream of tiles that are already in memory."""

    def __init__(self, tiles: list[tuple[Tensor, Tensor]]) -> None:
        self.tiles = tiles

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the tiles again and again."""
        while True:
            yield from self.tiles


def main() -> None:
    """Time everything and print the JSON line."""
    recipe = read_training_recipe(RECIPE)
    frames = SimulatedFrames(read_recipe(recipe.simulation), recipe.frame, SEED)
    torch.set_num_threads(1)
    simulated = FRAMES * recipe.frame**2 / 1e6 / _seconds_of_frames(frames)
    normalised = NormalisedFrames(frames)
    stream = TileStream(normalised, tile=recipe.tile, reuse=recipe.reuse, seed=SEED, first=10_000)
    tiles = iter(stream)
    list(islice(tiles, SETTLED))
    count = FRAMES * (recipe.frame // recipe.tile) ** 2 * recipe.reuse
    start = time.perf_counter()
    shown = list(islice(tiles, count))
    fresh = count / recipe.reuse * recipe.tile**2 / 1e6 / (time.perf_counter() - start)
    ready = torch.utils.data.DataLoader(Ready(shown), batch_size=recipe.batch)
    torch.set_num_threads(CORES)
    found = {
        "recipe": RECIPE,
        "tile": recipe.tile,
        "batch": recipe.batch,
        "reuse": recipe.reuse,
        "precision": "bf16" if _has_bf16() else "f32",
        "simulated": simulated,
        "fresh": fresh,
        "alone": _train(recipe, ready),
    }
    fed = TileStream(normalised, tile=recipe.tile, reuse=recipe.reuse, seed=SEED, first=20_000)
    loader = torch.utils.data.DataLoader(
        fed, batch_size=recipe.batch, num_workers=1, prefetch_factor=4, persistent_workers=True
    )
    found["fed"] = _train(recipe, loader)
    print(json.dumps(found))


def _seconds_of_frames(frames: SimulatedFrames) -> float:
    """Return the time of simulating frames, after the store of PSFs is filled."""
    for number in range(BUFFER // 8):
        frames.frame(number)
    start = time.perf_counter()
    for number in range(1000, 1000 + FRAMES):
        frames.frame(number)
    return time.perf_counter() - start


def _train(recipe: TrainingRecipe, batches: torch.utils.data.DataLoader[Any]) -> float:
    """Return Mpix a second of some steps of a training."""
    first = SETTLED // recipe.batch
    learner = Segmentation(recipe, dict.fromkeys(CLASS_NAMES, 0.01))
    state, start = TrainingState(learner, ""), 0.0
    for number, batch in enumerate(islice(batches, first + STEPS)):
        if number == first:
            start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=_has_bf16()):
            loss = learner.training_loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        torch.nn.utils.clip_grad_norm_(state.parameters(), MAX_NORM)
        state.advance()
    return STEPS * recipe.batch * recipe.tile**2 / 1e6 / (time.perf_counter() - start)


def _has_bf16() -> bool:
    return torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001 - as the trainer itself asks


if __name__ == "__main__":
    main()
