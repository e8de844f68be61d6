"""Folders of skies to learn clusters from: what is labelled in them, what is left open, what counts."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("healpy")

from astropy.table import Table

from skysieve.clusters.maps.healpix_maps import write_healpix_map
from skysieve.clusters.physics.bands import PLANCK_HFI, band
from skysieve.clusters.train.expected_snr import expected_snr
from skysieve.clusters.train.sky_files import read_skies
from skysieve.core.errors import ConfigError, SourceError
from skysieve.core.training.patch_settings import LabelSettings

LABELS = LabelSettings()
Y500 = np.array([2e-3, 9e-4, 4e-4, 1e-4])
T500 = np.array([5.0, 4.0, 4.0, 3.0])


def write(folder, *, bands=("143", "217"), clusters=None, sources=None, factor=1.0):
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(1)
    for name in bands:
        values = factor * 1e-4 * rng.normal(size=12 * 16**2)
        path = folder / f"sky_{name}.fits"
        write_healpix_map(path, values, nested=False, frame="G", unit="K_CMB", column="I", overwrite=True)
    if clusters is None:
        clusters = {"GLON": [10.0, 20, 30, 40], "GLAT": [50.0, 60, -50, -60], "Y500": Y500, "T500": T500}
    Table(clusters).write(folder / "clusters.fits", overwrite=True)
    if sources is not None:
        Table(sources).write(folder / "sources.fits", overwrite=True)
    return folder


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "sky")


def test_clusters_are_labelled_by_how_well_they_are_seen(folder):
    (sky,) = read_skies([folder], LABELS)
    seen = expected_snr(Y500, T500, [band("143"), band("217")])
    assert sorted(seen, reverse=True) == list(seen)
    assert [one.name for one in sky.bands] == ["143", "217"]
    limits = replace(LABELS, least_snr=float(seen[1]), open_snr=float(seen[2]) * 1.01)
    (sky,) = read_skies([folder], limits)
    assert (sky.clusters.lon.tolist(), sky.ignored.lon.tolist()) == ([10, 20], [])
    assert sky.clusters.size.tolist() == [5, 4]
    (sky,) = read_skies([folder], replace(limits, open_snr=float(seen[2])))
    assert sky.ignored.lon.tolist() == [30]


def test_or_by_their_y500(folder):
    (sky,) = read_skies([folder], replace(LABELS, least_y500=4e-4, open_y500=5e-5))
    assert (len(sky.clusters), len(sky.ignored)) == (3, 1)


def test_without_sizes_all_clusters_are_labelled(tmp_path, caplog):
    places = {"GLON": [10.0, 20.0], "GLAT": [50.0, 60.0]}
    folder = write(tmp_path / "sky", clusters=places)
    with caplog.at_level(logging.WARNING):
        (sky,) = read_skies([folder], LABELS)
    assert len(sky.clusters) == 2
    assert "without Y500 and T500 every cluster in it is labelled" in caplog.text
    with pytest.raises(ConfigError, match=r"no column Y500, which labels\.least_y500 asks for"):
        read_skies([folder], replace(LABELS, least_y500=1e-3))


def test_sources_count_if_a_catalogue_would_hold_them(tmp_path):
    sources = {
        "GLON": [1.0, 2.0, 3.0],
        "GLAT": [5.0, 6.0, 7.0],
        "S143": [0.2, 0.1, 0.0],
        "S857": [0.0, 0.1, 0.9],
    }
    folder = write(tmp_path / "sky", sources=sources)
    assert read_skies([folder], LABELS)[0].sources.lon.tolist() == [1, 3]
    assert read_skies([folder], replace(LABELS, least_flux=2.0))[0].sources.lon.tolist() == []
    assert len(read_skies([write(tmp_path / "other")], LABELS)[0].sources) == 0


def test_bands_are_those_asked_for_and_must_be_there(folder):
    (sky,) = read_skies([folder], LABELS, bands=["143"])
    assert [one.name for one in sky.bands] == ["143"]
    with pytest.raises(SourceError, match="no map of the band 100"):
        read_skies([folder], LABELS, bands=["100", "143"])


def test_skies_must_agree_in_their_bands(tmp_path, folder):
    other = write(tmp_path / "other", bands=("143",))
    with pytest.raises(ConfigError, match=r"has bands 143, and .* has 143, 217; name those of both"):
        read_skies([folder, other], LABELS)
    assert len(read_skies([folder, other], LABELS, bands=["143"])) == 2


def test_what_there_is_nothing_to_learn_from_is_refused(folder):
    with pytest.raises(ConfigError, match="no cluster is bright enough to be labelled; lower the limits"):
        read_skies([folder], replace(LABELS, least_snr=1e4))
    (folder / "clusters.fits").unlink()
    with pytest.raises(SourceError, match=r"clusters\.fits: no such file"):
        read_skies([folder], LABELS)


def test_a_digest_tells_skies_apart_wherever_they_lie(tmp_path, folder):
    moved, brighter = write(tmp_path / "moved"), write(tmp_path / "brighter", factor=1.1)
    one, same, other = (read_skies([path], LABELS)[0].digest for path in (folder, moved, brighter))
    assert one == same != other
    brightest = expected_snr(Y500, T500, [band("143"), band("217")])[0]
    fewer = replace(LABELS, least_snr=0.99 * float(brightest), open_snr=0.98 * float(brightest))
    assert read_skies([folder], fewer)[0].digest != one


def test_a_ratio_of_a_cluster_that_fills_one_beam_is_that_of_a_point():
    """By hand: the square of a beam of sigma s integrates to 1 / (4 pi s^2); all of the gas is 1.8 Y500."""
    one = band("143")
    sigma = one.fwhm / np.sqrt(8 * np.log(2))
    point = 1e-3 * 1.8 * abs(one.y_response) / one.noise / np.sqrt(4 * np.pi * sigma**2)
    assert expected_snr(np.array([1e-3]), np.array([0.5]), [one])[0] == pytest.approx(point, rel=0.06)


def test_bands_add_up_and_larger_clusters_are_seen_less():
    y, sizes = np.full(4, 1e-3), np.array([1.0, 3.0, 10.0, 30.0])
    together = expected_snr(y, sizes, PLANCK_HFI)
    single = np.array([expected_snr(y, sizes, [one]) for one in PLANCK_HFI])
    assert together == pytest.approx(np.sqrt((single**2).sum(axis=0)), rel=1e-3)
    assert (np.diff(together) < 0).all()
    compton = replace(PLANCK_HFI[0], name="y", noise=float("nan"))
    assert expected_snr(y, sizes, [*PLANCK_HFI, compton]) == pytest.approx(together)
