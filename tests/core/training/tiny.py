"""Recipes of trainings that end in seconds."""

from __future__ import annotations

import yaml

SIMULATION = {
    "name": "small",
    "optics": {"fwhm": [2.0, 3.0], "defocused": 0.0, "optical": 0.0},
    "contaminants": {"CR": {"probability": 1.0}, "HCL": {"probability": 1.0}, "SP": {"probability": 0.0}},
}

SETTINGS = {
    "name": "tiny",
    "network": {"widths": [8, 16], "depths": [1, 1]},
    "steps": 4,
    "batch": 2,
    "tile": 64,
    "frame": 128,
    "reuse": 2,
    "validation_frames": 2,
    "validations": 2,
    "precision": "f32",
}


def write_recipe(path, job, **settings):
    """Write a recipe of a training and that of its simulation beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    simulation = path.with_name("small.yaml")
    simulation.write_text(yaml.safe_dump(SIMULATION))
    path.write_text(yaml.safe_dump({"job": job, "simulation": str(simulation), **SETTINGS, **settings}))
    return path


def few_frames(patch):
    """Measure priors and calibrate on a few frames; many tiles would take long to fill a buffer."""
    from skysieve.frames.train import contaminants, tiles, tracking, tracking_learning

    patch.setattr(contaminants, "PRIOR_FRAMES", 2)
    patch.setattr(contaminants, "CALIBRATION_FRAMES", 3)
    patch.setattr(contaminants, "DOMAIN_FRAMES", 2)
    patch.setattr(contaminants, "DOMAIN_SIDE", 256)
    patch.setattr(tracking, "CALIBRATION_FRAMES", 6)
    patch.setattr(tracking, "CALIBRATION_SIDE", 128)
    patch.setattr(tiles, "BUFFER", 8)
    patch.setattr(tracking_learning, "BUFFER", 4)
