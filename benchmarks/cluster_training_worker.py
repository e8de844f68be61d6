"""Train one network for clusters on one processor for a given time; runs in a separate process.

usage: cluster_training_worker.py RECIPE OUTPUT SECONDS SKY...

A few steps are timed first, including the making of patches; then as many steps are trained as fit into the
time.  Prints one JSON line: parameters of the network, seconds of a step, steps, and processor seconds of the
training.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before torch

import torch

from skysieve.clusters.train.sky_files import read_skies
from skysieve.clusters.train.training import ClusterTraining
from skysieve.core.networks.blocks import parameter_count
from skysieve.core.training.fit import fit
from skysieve.core.training.recipe import read_training_recipe
from skysieve.core.training.schedule import optimiser_with_schedule

__all__: list[str] = []

WARM, TIMED = 3, 8
"""Steps before and during the timing; reused patches are a large part of the timed steps."""


def main() -> None:
    """Time a few steps, train, and print the JSON line."""
    recipe_file, output, seconds, *skies = sys.argv[1:]
    torch.set_num_threads(1)
    recipe = read_training_recipe(recipe_file)
    task = ClusterTraining(recipe, read_skies([Path(sky) for sky in skies], recipe.labels))
    step_seconds = _seconds_per_step(task)
    steps = max(1, int(float(seconds) / step_seconds))
    task.recipe = replace(recipe, steps=steps)
    start = time.process_time()
    fit(task, Path(output), workers=0, device="cpu", progress=False)
    print(
        json.dumps(
            {
                "parameters": parameter_count(task.learner().network),
                "a_step": step_seconds,
                "steps": steps,
                "seconds": time.process_time() - start,
            }
        )
    )


def _seconds_per_step(task: ClusterTraining) -> float:
    learner = task.learner().train()
    optimiser, _ = optimiser_with_schedule(learner.network, task.recipe)
    batches = itertools.islice(task.training_batches(done=0, workers=0, rank=0, ranks=1), WARM + TIMED)
    start = 0.0
    for number, batch in enumerate(batches):
        if number == WARM:
            start = time.process_time()
        with torch.autocast("cpu", torch.bfloat16):
            loss = learner.training_loss(batch)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        optimiser.step()
    return (time.process_time() - start) / TIMED


if __name__ == "__main__":
    main()
