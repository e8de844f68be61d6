"""Simulated skies on disk: maps that can be read, their truth, and a run that goes on where it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import typer
from astropy.io import fits
from astropy.table import Table
from typer.testing import CliRunner

from skysieve.cli.simulate import simulate_sky
from skysieve.clusters.maps.healpix_maps import read_healpix_map
from skysieve.clusters.physics.bands import PLANCK_HFI
from skysieve.clusters.simulate.files import SkySimulationJob, write_truth
from skysieve.clusters.simulate.recipe import Clusters, SkyRecipe, read_sky_recipe
from skysieve.clusters.simulate.regions import SkyRegion
from skysieve.clusters.simulate.settings import SkySettings
from skysieve.core.errors import ConfigError, OutputError, SkysieveError
from skysieve.core.fits.fits_integrity import is_intact

NSIDE, CAP = 32, 30.0


@pytest.fixture
def plain():
    """A recipe whose sky is made at once."""
    recipe = SkyRecipe(name="plain", description="for tests")
    slow = ("clusters", "cmb")
    return replace(recipe, **{name: replace(getattr(recipe, name), enabled=False) for name in slow})


@pytest.fixture
def job(plain, tmp_path):
    return SkySimulationJob(plain, tmp_path / "sky", SkySettings(nside=NSIDE, seed=3, cap=CAP))


def run_all(job):
    job.check()
    job.prepare()
    return [job.run(unit) for unit in job.units()]


def test_there_is_a_map_a_band_as_planck_has_them(job):
    records = run_all(job)
    names = [record.path.name for record in records]
    assert names == [f"sky_{band.name}.fits" for band in PLANCK_HFI]
    inside = len(SkyRegion(NSIDE, CAP).pixels)
    for record, band in zip(records, PLANCK_HFI, strict=True):
        sky = read_healpix_map(record.path)
        assert (sky.nside, sky.nested, sky.frame, sky.unit) == (NSIDE, False, "G", band.unit)
        assert np.isfinite(sky.values[:inside]).all()
        assert np.isnan(sky.values[inside:]).all()
        assert np.std(sky.values[:inside]) == pytest.approx(record.rms, rel=1e-4)
        assert not record.kept
        assert fits.getheader(record.path, 1)["FWHM"] == band.fwhm


def test_the_whole_sky_is_a_full_map(job, plain):
    many = ("radio_galaxies", "dusty_galaxies", "cold_cores")
    few = replace(plain, **{name: replace(getattr(plain, name), enabled=False) for name in many})
    job = replace(job, recipe=few, settings=SkySettings(nside=16, seed=3))
    record = job.run(job.units()[5])
    sky = read_healpix_map(record.path)
    assert np.isfinite(sky.values).all()
    assert sky.values.size == 12 * 16**2


def test_truth_lies_beside_the_maps(job, plain, tmp_path):
    path = tmp_path / "known.csv"
    path.write_text("GLON,GLAT,M500,Z\n40.0,80.0,15.0,0.1\n", encoding="utf-8")
    job.recipe = replace(plain, clusters=Clusters(catalogue=str(path)))
    clusters, sources = (Table.read(path) for path in write_truth(job))
    assert set(clusters.colnames) >= {"GLON", "GLAT", "Z", "M500", "Y500", "T500"}
    assert len(clusters) == 1
    assert {"radio", "infrared"} <= {kind.strip() for kind in sources["KIND"]}
    assert {f"S{band.name}" for band in PLANCK_HFI} <= set(sources.colnames)
    assert sources["S857"].unit == "Jy"


def test_what_is_there_is_kept_and_what_is_not_is_made(job):
    units = job.units()
    made = {unit: job.run(unit) for unit in units[:2]}
    before = units[0].path.read_bytes()
    records = run_all(replace(job))
    assert [record.kept for record in records] == [True, True, False, False, False, False]
    assert records[0].rms == pytest.approx(made[units[0]].rms)
    assert units[0].path.read_bytes() == before


def test_a_damaged_map_is_made_anew(job):
    unit = job.units()[0]
    job.run(unit)
    whole = unit.path.read_bytes()
    unit.path.write_bytes(whole[: len(whole) // 2])
    assert not job.run(unit).kept
    assert is_intact(unit.path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 4}, "SIMSEED is 3, not 4"),
        ({"cap": 20.0}, "SIMCAP is 30.0, not 20.0"),
        ({"nside": 64}, "NSIDE"),
    ],
)
def test_another_sky_is_not_mixed_in(job, change, said):
    unit = job.units()[0]
    job.run(unit)
    with pytest.raises(OutputError, match=f"is of another sky: {said}"):
        replace(job, settings=replace(job.settings, **change)).run(unit)
    job = replace(job, settings=replace(job.settings, **change), overwrite=True)
    assert not job.run(unit).kept


def test_a_run_that_is_stopped_leaves_no_map(job):
    job.stop()
    with pytest.raises(SkysieveError, match="stopped before it was written"):
        job.run(job.units()[0])
    assert not job.folder.exists() or not list(job.folder.iterdir())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nside": 100}, "nside 100: expected a power of two from 16 to 8192"),
        ({"nside": 8}, "nside 8: expected"),
        ({"cap": 0.1}, "a cap of 0.1 degrees: expected 1 to 180"),
        ({"cap": 200.0}, "a cap of 200 degrees"),
    ],
)
def test_what_cannot_be_is_said_before_any_work(job, change, said):
    with pytest.raises(ConfigError, match=said):
        replace(job, settings=replace(job.settings, **change)).check()


class TestCommand:
    @pytest.fixture
    def run(self, plain, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "plain.yaml").write_text(plain.to_yaml(), encoding="utf-8")
        app = typer.Typer()
        app.command()(simulate_sky)

        def run(*options):
            arguments = ["-o", "out", "--nside", NSIDE, "--cap", CAP, "--recipe", "plain.yaml", *options]
            return CliRunner().invoke(app, [str(argument) for argument in arguments])

        return run

    def test_maps_truth_and_recipe_are_in_the_folder(self, run, tmp_path, plain):
        result = run("--seed", 3)
        assert result.exit_code == 0, result.output
        found = {path.name for path in (tmp_path / "out").iterdir()}
        maps = {f"sky_{band.name}.fits" for band in PLANCK_HFI}
        assert found == maps | {"clusters.fits", "sources.fits", "recipe.yaml"}
        lines = result.output.splitlines()
        assert lines[0].startswith("out/clusters.fits: 0 clusters; out/sources.fits: ")
        assert lines[1].startswith("out/sky_100.fits: rms ")
        assert read_sky_recipe(tmp_path / "out" / "recipe.yaml") == plain
        again = run("--seed", 3)
        assert again.output.count("(kept)") == len(PLANCK_HFI)

    def test_another_recipe_in_the_folder_is_refused(self, run, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "recipe.yaml").write_text(SkyRecipe().to_yaml(), encoding="utf-8")
        result = run()
        assert isinstance(result.exception, OutputError)
        assert "is another recipe: use --overwrite" in str(result.exception)
        assert not (tmp_path / "out" / "sky_100.fits").exists()
