"""The search of a sky as a job: its units, their files, and the products at the end."""

from __future__ import annotations

import errno
from dataclasses import replace

import healpy
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from tests.clusters.tiny_sky import CLUSTERS, CUT, NSIDE, cluster_maps, save_sky_model, two_units, write_sky

from skysieve.clusters.maps.healpix_maps import read_healpix_map, write_healpix_map
from skysieve.clusters.matched_filter.settings import FilterSettings
from skysieve.clusters.search.augmentation import MISSING_DATA_MARGIN
from skysieve.clusters.search.job import ClusterJob
from skysieve.clusters.search.settings import ClusterSettings
from skysieve.core.errors import ConfigError, OutputError, SourceError
from skysieve.core.execution.local import run_units


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """Maps of a part of the sky that lies in two units."""
    return write_sky(tmp_path_factory.mktemp("skies") / "maps", cluster_maps(), part=two_units())


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """Settings with which the network finds all clusters, and so does the filter."""
    model = save_sky_model(tmp_path_factory.mktemp("models") / "tiny-sky")
    quick = FilterSettings(sizes=(18.0, 25.0))
    return ClusterSettings(finder="network", model=str(model), threshold=0.15, least_pixels=1, filter=quick)


@pytest.fixture
def job(maps, settings, tmp_path):
    return ClusterJob([str(maps)], tmp_path / "out", settings)


def search(job, processes=1):
    job.check()
    units = job.units()
    outcomes = list(run_units(job, units, processes=processes))
    assert [outcome.error for outcome in outcomes] == [None] * len(units)
    found, written = job.finish(units)
    return found, written, [outcome.record for outcome in outcomes]


def test_a_search_ends_in_a_catalogue_and_maps(job, settings):
    job.settings = replace(settings, finder="both", threshold=0.5)
    found, written, records = search(job)
    assert {path.name for path in written} >= {
        "catalogue.fits",
        "catalogue.ecsv",
        "catalogue.reg",
        "probability.fits",
        "snr.fits",
        "footprint.fits",
        "summary.txt",
    }
    table = Table.read(job.output / "catalogue.fits")
    assert len(table) == len(CLUSTERS)
    for lon, lat in CLUSTERS:
        away = np.hypot((table["GLON"] - lon) * np.cos(np.radians(lat)), table["GLAT"] - lat)
        assert away.min() < 0.15
    assert (np.diff(table["score"]) <= 0).all()
    assert str(table["y500"].unit) == "arcmin2"
    assert (table["snr"] > 4.5).all()
    header = fits.getheader(job.output / "catalogue.fits", 1)
    assert (header["MODEL"], header["FINDER"], header["THR_SNR"]) == ("tiny-sky", "both", 4.5)
    assert not job.unit_files.folder.exists()
    searched = two_units().mean() * 129_600 / np.pi
    assert sum(record.area for record in records) == pytest.approx(searched)
    assert found.maps["probability"].size == 12 * NSIDE**2


PIXEL = float(np.degrees(healpy.nside2resol(NSIDE)) * 60)
"""Arcminutes."""


def inside(searched, arcmin):
    """Return the pixels that are farther than this from all that was not searched."""
    pixels = np.flatnonzero(searched)
    around = (
        healpy.query_disc(NSIDE, vector, np.radians(arcmin / 60), nest=True)
        for vector in np.transpose(healpy.pix2vec(NSIDE, pixels, nest=True))
    )
    return pixels[[searched[disc].all() for disc in around]]


def test_maps_hold_what_was_searched_and_nothing_else(job):
    found, _, _ = search(job)
    searched = healpy.reorder(two_units(), r2n=True)
    np.testing.assert_array_equal(found.footprint, searched)
    probability = read_healpix_map(job.output / "probability.fits", unit="")
    assert probability.nested
    known = np.isfinite(probability.values)
    assert not (known & ~searched).any()
    # Between pixels of patches and of maps, one of each is lost
    assert known[inside(searched, MISSING_DATA_MARGIN + 2 * PIXEL)].all()
    peak = int(np.nanargmax(probability.values))
    lon, lat = healpy.pix2ang(NSIDE, peak, nest=True, lonlat=True)
    assert min(np.hypot(lon - place[0], lat - place[1]) for place in CLUSTERS) < 0.4


@pytest.mark.parametrize(("finder", "names"), [("network", {"probability"}), ("mmf", {"snr"})])
def test_each_finder_alone_has_its_map(job, settings, finder, names):
    job.settings = replace(settings, finder=finder)
    found, _, _ = search(job)
    assert set(found.maps) == names
    assert 1 <= len(found.catalogue) <= 3
    assert set(found.catalogue["finder"]) == {finder}
    assert np.isfinite(found.catalogue["snr"]).all() == (finder == "mmf")


def test_both_finders_together_know_of_each_candidate_what_either_says(job, settings):
    job.settings = replace(settings, finder="both", threshold=0.3)
    found, _, _ = search(job)
    assert "both" in set(found.catalogue["finder"])
    assert np.isfinite(found.catalogue["snr"]).all()
    assert np.isfinite(found.catalogue["probability"]).all()


def test_an_interrupted_search_goes_on(job, monkeypatch):
    job.check()
    units = job.units()
    job.prepare()
    first = job.run(units[0])
    assert not first.kept
    again = replace(job, resume=True)
    found, _, records = search(again)
    assert [record.kept for record in records] == [True] + [False] * (len(units) - 1)
    whole, _, _ = search(replace(job, output=job.output.with_name("whole")))
    assert list(found.catalogue["name"]) == list(whole.catalogue["name"])


def test_products_name_the_engine_whatever_process_searched(job):
    search(job, processes=2)
    header = fits.getheader(job.output / "catalogue.fits", 1)
    assert header["ENGINE"] in {"openvino", "onnxruntime"}
    assert header["PRECISN"] in {"f32", "bf16"}


def test_a_unit_whose_file_is_damaged_is_done_again(job):
    job.check()
    units = job.units()
    job.run(units[0])
    units[0].path.write_bytes(units[0].path.read_bytes()[:100])
    again = replace(job, resume=True)
    again.check()
    assert not again.run(again.units()[0]).kept


def test_units_of_an_interrupted_search_are_nobodys_to_replace(job):
    job.check()
    job.run(job.units()[0])
    with pytest.raises(OutputError, match="--resume"):
        replace(job).units()
    other = replace(job, settings=replace(job.settings, snr=6.0), resume=True)
    with pytest.raises(OutputError, match="another search: snr differs"):
        other.units()
    anew = replace(other, resume=False, overwrite=True)
    assert not anew.units()[0].path.exists()


def test_a_full_disk_leaves_no_half_of_a_unit(job, monkeypatch):
    job.check()
    units = job.units()

    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", full)
        with pytest.raises(OutputError, match="No space left on device; make room"):
            job.run(units[0])
    assert not units[0].path.exists()
    assert job.run(units[0]).unit == job.unit_files.unit_of(units[0].path)


def test_a_catalogue_is_not_made_of_a_part_of_the_units(job):
    job.check()
    units = job.units()
    job.run(units[0])
    with pytest.raises(OutputError, match="missing or damaged"):
        job.finish(units)
    assert units[0].path.exists()


def test_the_galaxy_and_a_mask_are_left_out(job, tmp_path):
    job.galactic_cut = 31.0
    unmasked = sum(job.sky.valid(job.unit_files.unit_of(unit.path)).sum() for unit in job.units())
    lon, lat = healpy.pix2ang(NSIDE, np.arange(12 * NSIDE**2), lonlat=True)
    expected = two_units() & (np.abs(lat) >= 31)
    assert unmasked == expected.sum()
    mask = tmp_path / "mask.fits"
    searched = (lon < 40).astype(np.float32)
    write_healpix_map(mask, searched, nested=False, frame="G", unit="", column="MASK", overwrite=True)
    masked = replace(job, mask=mask, overwrite=True)
    count = sum(masked.sky.valid(masked.unit_files.unit_of(unit.path)).sum() for unit in masked.units())
    assert count == (expected & (lon < 40)).sum()


def test_units_of_a_whole_sky_are_those_outside_of_the_galaxy(settings, tmp_path, monkeypatch):
    maps = write_sky(tmp_path / "maps", np.ones((3, 12 * 16**2), np.float32) * 1e-5)
    job = ClusterJob([str(maps)], tmp_path / "out", settings, galactic_cut=CUT)
    units = [job.unit_files.unit_of(unit.path) for unit in job.units()]
    owned = np.concatenate([np.flatnonzero(job.sky.valid(unit)) + unit * 4 for unit in units])
    _, lat = healpy.pix2ang(16, np.arange(12 * 16**2), nest=True, lonlat=True)
    np.testing.assert_array_equal(owned, np.flatnonzero(np.abs(lat) >= CUT))


def test_maps_may_be_written_in_another_resolution(job):
    job.nside = 64
    found, _, _ = search(job)
    assert found.footprint.size == found.maps["probability"].size == 12 * 64**2
    assert found.catalogue["GLON"][0] == pytest.approx(CLUSTERS[0][0], abs=0.5)


def test_products_that_are_there_are_known_before_any_work(job):
    job.output.mkdir()
    (job.output / "catalogue.fits").write_text("")
    with pytest.raises(OutputError, match="--overwrite"):
        job.check()
    replace(job, overwrite=True).check()


def test_where_all_is_masked_there_is_nothing_to_search(job):
    job.galactic_cut = 60.0
    with pytest.raises(SourceError, match="no pixel to search"):
        job.units()


@pytest.mark.parametrize("change", [{"galactic_cut": 90.0}, {"nside": 100}, {"nside": 4}])
def test_options_out_of_range_are_refused(job, change):
    with pytest.raises(ConfigError, match=r"Galactic cut|power of two"):
        replace(job, **change).check()
