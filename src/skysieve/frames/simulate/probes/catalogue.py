"""The list of probes, each with its correct class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.frames.simulate.probes.canvas import Probe
from skysieve.frames.simulate.probes.hits import (
    cosmic_ray_spots,
    cosmic_ray_tracks,
    dead_cluster,
    dead_columns,
    dead_pixels,
    hot_columns,
    hot_pixels,
    many_cosmic_rays,
    overscan,
    winding_tracks,
)
from skysieve.frames.simulate.probes.lines import (
    aircraft_trail,
    axis_aligned_trail,
    crossing_trails,
    curved_trail,
    flashing_trail,
    flat_profile,
    hollow_profile,
    meteor_trail,
    parallel_trails,
    short_trail,
    straight_trail,
)
from skysieve.frames.simulate.probes.skies import (
    amplifier_step,
    cirrus,
    edge_on_galaxies,
    elliptical_galaxy,
    empty_sky,
    filaments,
    fringes,
    reflection_nebula,
    sky_gradient,
    spiral_galaxy,
    vignetting,
)
from skysieve.frames.simulate.probes.stars import (
    bleed_trail,
    defocused_stars,
    persistence,
    round_stars,
    saturated_star,
    star_with_spikes,
    trailed_stars,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from skysieve.frames.simulate.probes.canvas import Canvas, ProbeSignal

__all__ = ["PROBES"]

SATURATED = frozenset({"SAT"})
"""Full pixels of a star or trail may also be marked as saturated."""


def _trails() -> Iterator[Probe]:
    for width in (2, 4, 10, 24):
        for height in (3, 12, 80):
            yield Probe(f"trail, {width} px wide, {height} sigma", "TRL", straight_trail(width, height))
    yield Probe("trail, 6 px wide, saturated", "TRL", straight_trail(6, 8000), SATURATED)
    for width in (9, 20, 38):
        yield Probe(
            f"trail out of focus, even, {width} px wide, 10 sigma",
            "TRL",
            straight_trail(width, 10, flat_profile),
        )
    for width in (18, 36):
        yield Probe(
            f"trail out of focus, hollow, {width} px wide, 12 sigma",
            "TRL",
            straight_trail(width, 12, hollow_profile),
        )
    for length in (60, 180):
        yield Probe(f"trail that ends, {length} px long, 20 sigma", "TRL", short_trail(length, 3.5, 20))
    yield Probe("meteor, 25 sigma", "TRL", meteor_trail(3.5, 25))
    yield Probe("trail with slow glints, 30 sigma", "TRL", flashing_trail(3, 30, 90, dark=0.08))
    yield Probe("trail with fast glints, 30 sigma", "TRL", flashing_trail(4, 30, 28))
    yield Probe("aircraft, two lines and strobes", "TRL", aircraft_trail(12), SATURATED)
    for gap in (10, 26):
        yield Probe(f"parallel trails, {gap} px apart, 15 sigma", "TRL", parallel_trails(3.5, 15, gap))
    yield Probe("crossing trails, 15 sigma", "TRL", crossing_trails(3, 15))
    for radius in (350, 1500):
        yield Probe(f"curved trail, radius {radius} px, 15 sigma", "TRL", curved_trail(3, 15, radius))
    for thin in (2.5, 6.0):
        yield Probe(
            f"trail along the columns, {thin:g} px wide, 15 sigma", "TRL", axis_aligned_trail(thin, 15)
        )
    yield Probe("trail along the rows, 3 px wide, 15 sigma", "TRL", axis_aligned_trail(3, 15, rows=True))


def _spikes() -> Iterator[Probe]:
    def star(name: str, draw: Callable[[Canvas], ProbeSignal]) -> Probe:
        return Probe(name, "SP", draw, SATURATED)

    for count in (2, 4, 6, 8):
        for peak in (3, 30, 300):
            yield star(f"{count} spikes, star of {peak} full wells", star_with_spikes(count, peak))
    yield star("4 spikes along rows and columns, star of 60 full wells", star_with_spikes(4, 60, turn=0.0))
    yield star("spike of a star outside the frame", star_with_spikes(1, 600, outside=True))


def _cosmic_rays() -> Iterator[Probe]:
    for length, height, count in ((6, 15, 12), (25, 15, 5), (25, 80, 5), (90, 25, 2), (300, 40, 1)):
        yield Probe(
            f"cosmic-ray tracks, {length} px long, {height} sigma",
            "CR",
            cosmic_ray_tracks(length, height, count),
        )
    yield Probe("winding tracks, 25 sigma", "CR", winding_tracks(25, 6))
    yield Probe("cosmic-ray spots, 30 sigma", "CR", cosmic_ray_spots(30, 25), frozenset({"HP"}))
    yield Probe("many cosmic rays", "CR", many_cosmic_rays(60), SATURATED | {"HP"})
    yield Probe(
        "cosmic rays among sharp stars", "CR", cosmic_ray_tracks(12, 40, 10), frozenset(), fwhm=(1.5, 1.8)
    )


def _detector() -> Iterator[Probe]:
    for height in (6, 60):
        yield Probe(f"hot column, {height} sigma", "HCL", hot_columns(height))
    yield Probe("three hot columns, 20 sigma", "HCL", hot_columns(20, width=3))
    yield Probe("hot column in half of the rows, 20 sigma", "HCL", hot_columns(20, part=0.5))
    yield Probe("hot row, 20 sigma", "HCL", hot_columns(20, rows=True))
    for width in (1, 4):
        yield Probe(f"dead columns, {width} px wide", "DCL", dead_columns(0.05, width=width))
    yield Probe("dead column in half of the rows", "DCL", dead_columns(0.05, width=2, part=0.5))
    yield Probe("dead patch", "DCL", dead_cluster(9))
    yield Probe("hot pixels, 40 sigma", "HP", hot_pixels(40, 40))
    yield Probe("dead pixels", "DP", dead_pixels(40))
    yield Probe("overscan columns", "OV", overscan(36))
    yield Probe("saturated star", "SAT", saturated_star(12))
    yield Probe("bleed trail along the columns", "SAT", bleed_trail(60))
    yield Probe("bleed trail along the rows", "SAT", bleed_trail(60, rows=True))
    yield Probe("persistence, 8 sigma", "P", persistence(12, 8, 5))


def _extended() -> Iterator[Probe]:
    for height in (5, 25):
        yield Probe(f"cirrus, {height} sigma", "NEB", cirrus(height))
    yield Probe("filaments, 10 px wide, 10 sigma", "NEB", filaments(10, 10))
    yield Probe("reflection nebula", "NEB", reflection_nebula(15))
    for period, height in ((22, 3), (60, 3), (60, 12)):
        yield Probe(f"fringes, period {period} px, {height} sigma", "FR", fringes(period, height))


def _clean() -> Iterator[Probe]:
    yield Probe("empty sky", None, empty_sky)
    for depth in (0.15, 0.5):
        yield Probe(f"vignetting by {100 * depth:.0f} %", None, vignetting(depth))
    for height in (0.1, 0.6):
        yield Probe(f"sky gradient of {100 * height:.0f} %", None, sky_gradient(height))
    yield Probe("two amplifiers, 4 sigma apart", None, amplifier_step(4))
    for fwhm in (1.2, 1.5, 2.0, 3.0):
        yield Probe(f"round stars, FWHM {fwhm:g} px", None, round_stars(150, 1500, fwhm=fwhm))
    yield Probe("crowded field", None, round_stars(1500, 600, fwhm=2.6))
    yield Probe("faint round stars, FWHM 1.5 px", None, round_stars(200, 12, fwhm=1.5))
    for radius in (6, 14):
        yield Probe(f"stars out of focus, rings of {2 * radius} px", None, defocused_stars(radius, 40))
    for length in (8, 40):
        yield Probe(f"trailed stars, {length} px", None, trailed_stars(length, 60))
    yield Probe("edge-on galaxies", None, edge_on_galaxies(16, 25, 5))
    yield Probe("spiral galaxy", None, spiral_galaxy(45, 30))
    yield Probe("elliptical galaxy", None, elliptical_galaxy(40, 6))


PROBES: tuple[Probe, ...] = (
    *_trails(),
    *_spikes(),
    *_cosmic_rays(),
    *_detector(),
    *_extended(),
    *_clean(),
)
"""All probes; their names are unique."""
