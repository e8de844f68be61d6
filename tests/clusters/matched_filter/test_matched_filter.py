"""The matched filter on patches whose clusters and noise are known."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from skysieve.clusters.maps.healpix_maps import HealpixMap
from skysieve.clusters.maps.patches import MapStack, PatchGrid
from skysieve.clusters.matched_filter.filter_candidates import mmf_candidates
from skysieve.clusters.matched_filter.filter_templates import SOURCES, gas_transform, source_responses
from skysieve.clusters.matched_filter.matched_filter import FilteredPatch, matched_filter
from skysieve.clusters.matched_filter.settings import FilterSettings
from skysieve.clusters.physics.bands import PLANCK_HFI
from skysieve.clusters.physics.pressure_profile import beam_convolved_profile
from skysieve.clusters.physics.spectra import modified_blackbody
from skysieve.clusters.physics.units import conversion_factor
from skysieve.core.errors import ConfigError, FrameError

SIDE, RESOLUTION = 192, 2.0
SIZES = (2.0, 4.0, 8.0)
SETTINGS = FilterSettings(sizes=SIZES)
PLACES = [(50.0, 50.0), (50.0, 142.0), (96.0, 96.0), (142.0, 50.0), (142.0, 142.0)]
FACTORS = np.array([1.0 if band.unit == "K_CMB" else band.mjysr_per_kcmb for band in PLANCK_HFI])


def smooth(rng, slope):
    """Return a field of unit scatter whose large structures are the strongest."""
    radius = np.hypot(np.fft.fftfreq(SIDE, 1 / SIDE)[:, None], np.fft.rfftfreq(SIDE, 1 / SIDE))
    radius[0, 0] = np.inf
    field = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) * radius**slope, s=(SIDE, SIDE))
    return field / field.std()


def sky(seed, *, foregrounds=True):
    """Return noise of each band, the background in all of them, and dust."""
    rng = np.random.default_rng(seed)
    noise = np.array([band.noise / RESOLUTION for band in PLANCK_HFI])
    patch = noise[:, None, None] * rng.normal(size=(6, SIDE, SIDE))
    if foregrounds:
        patch += FACTORS[:, None, None] * 8e-5 * smooth(rng, -1.7)
        dust = source_responses(PLANCK_HFI)[2]
        patch += (0.1 * dust / dust[-1])[:, None, None] * smooth(rng, -1.5)
    return patch.astype(np.float32)


def distance(row, column):
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.hypot(y - row, x - column) * RESOLUTION


@cache
def profile(theta500, fwhm):
    """Return a function of the angle: a cluster of Y500 = 1 through a beam."""
    radii = np.linspace(0, np.sqrt(5 * theta500 + 15), 100) ** 2
    y = beam_convolved_profile(theta500, fwhm, radii)
    return lambda angle: np.interp(angle, radii, y, right=0.0)


def add_cluster(patch, row, column, *, theta500, y500):
    for number, band in enumerate(PLANCK_HFI):
        patch[number] += y500 * band.y_in_unit * profile(theta500, band.fwhm)(distance(row, column))


def add_source(patch, row, column, *, kind, peak):
    """Add a point source of a kind, so bright at 857 GHz for dust and at 100 GHz for radio sources."""
    spectrum = source_responses(PLANCK_HFI)[list(SOURCES).index(kind)]
    spectrum = spectrum / spectrum[0 if "radio" in kind else -1] * peak
    for number, band in enumerate(PLANCK_HFI):
        shape = np.exp(-((distance(row, column) / band.fwhm) ** 2) * 4 * np.log(2))
        patch[number] += spectrum[number] * shape * (5 / band.fwhm) ** 2


def add_clump(patch, row, column, *, line, fwhm=8.0, ratios=(1.0, 0.595, 0.297), dust=1.7):
    """Add a clump of carbon monoxide (K km/s of the line 1-0) and its dust (MJy/sr at 857 GHz per K km/s)."""
    for number, band in enumerate(PLANCK_HFI):
        emission = (0.0, *ratios)[band.co_line] * band.co_in_unit
        spectrum = float(modified_blackbody(band.frequency, temperature=16.0, beta=1.8, reference=857.0))
        emission += dust * spectrum * conversion_factor("MJy/sr", band.unit, band)
        wide = fwhm**2 + band.fwhm**2
        shape = np.exp(-(distance(row, column) ** 2) / wide * 4 * np.log(2)) * fwhm**2 / wide
        patch[number] += line * emission * shape


def run(patch, bands=PLANCK_HFI, **options):
    return matched_filter(patch, bands, RESOLUTION, settings=SETTINGS, **options)


def test_noise_has_a_signal_to_noise_of_one():
    found = run(sky(1))
    for snr in found.snr:
        assert np.nanstd(snr) == pytest.approx(1, abs=0.1)
        assert np.nanmean(snr) == pytest.approx(0, abs=0.1)
    assert not found.masked.any()


@pytest.mark.parametrize("theta500", SIZES)
def test_amplitudes_are_unbiased(theta500):
    patch, number = sky(2), SIZES.index(theta500)
    quiet = run(patch)
    sigma = quiet.sigma[number]
    for place in PLACES:
        add_cluster(patch, *place, theta500=theta500, y500=12 * sigma)
    found = run(patch)
    rows, columns = np.array(PLACES, int).T
    measured = found.amplitude[number][rows, columns]
    # of five the mean is known to 0.45 of the noise of one
    assert measured.mean() == pytest.approx(12 * sigma, abs=sigma)
    assert np.abs(measured - 12 * sigma).max() < 3 * sigma
    np.testing.assert_allclose(found.snr[number], found.amplitude[number] / found.sigma[number], rtol=1e-5)
    # whatever clusters are there, the noise is measured beside them
    assert found.sigma[number] == pytest.approx(sigma, rel=0.1)


def test_all_bands_together_are_better_than_any_of_them():
    patch = sky(3)
    together = run(patch).sigma
    for number, band in enumerate(PLANCK_HFI):
        alone = run(patch[[number]], [band]).sigma
        assert (together < 0.8 * alone).all(), band.name


def test_candidates_are_where_clusters_are_and_of_their_size():
    patch = sky(4)
    y500 = dict(zip(SIZES, 15 * run(patch).sigma, strict=True))
    add_cluster(patch, 60.3, 61.4, theta500=2.0, y500=y500[2.0])
    add_cluster(patch, 120.0, 130.0, theta500=8.0, y500=y500[8.0])
    found = mmf_candidates(run(patch), min_snr=7)
    assert len(found) == 2
    for row, column, size in ((60.3, 61.4, 2.0), (120.0, 130.0, 8.0)):
        nearest = np.argmin(np.hypot(found.row - row, found.column - column))
        assert np.hypot(found.row - row, found.column - column)[nearest] < 0.5
        assert found.size[nearest] == size
        assert found.y500[nearest] == pytest.approx(y500[size], abs=3 * found.y500_error[nearest])
        assert found.snr[nearest] == pytest.approx(found.y500[nearest] / found.y500_error[nearest])
    assert (np.diff(found.snr) <= 0).all()


def by_hand(*peaks, source=0.0):
    """Return a filtered patch with paraboloids (row, column, peak), twice as high at its second size."""
    y, x = np.mgrid[:40, :40]
    snr = np.full((40, 40), -1.0)
    for row, column, peak in peaks:
        snr = np.maximum(snr, peak - 0.3 * ((y - row) ** 2 + (x - column) ** 2))
    sources = np.full((40, 40), source, np.float32)
    return FilteredPatch(
        (2.0, 4.0), np.array([1e-4, 2e-4]), np.array([snr / 2, snr], np.float32), sources, snr < -2
    )


def test_candidates_are_maxima_between_pixels():
    found = mmf_candidates(by_hand((10.3, 20.4, 6.0), (30.0, 5.8, 8.0)))
    assert found.row == pytest.approx([30.0, 10.3], abs=1e-3)
    assert found.column == pytest.approx([5.8, 20.4], abs=1e-3)
    assert list(found.size) == [4.0, 4.0]
    assert found.y500 == pytest.approx(found.snr * 2e-4)
    assert len(mmf_candidates(by_hand((10.3, 20.4, 6.0), (30.0, 5.8, 8.0)), min_snr=7)) == 1


def test_what_is_better_explained_by_a_source_is_no_candidate():
    assert len(mmf_candidates(by_hand((10.0, 20.0, 6.0), source=5.9))) == 1
    assert len(mmf_candidates(by_hand((10.0, 20.0, 6.0), source=6.1))) == 0
    assert len(mmf_candidates(by_hand((10.0, 20.0, 6.0), source=6.1), max_source=2)) == 1
    assert len(mmf_candidates(by_hand((10.0, 20.0, 6.0), source=5.9), max_source=0.5)) == 0


@pytest.mark.parametrize("kind", SOURCES)
def test_sources_are_no_candidates(kind):
    # in K_CMB at 100 GHz, in MJy/sr at 857 GHz
    levels = (6e-5, 2e-4, 1e-3) if "radio" in kind else (0.1, 0.4, 2.0)
    patch = sky(5)
    add_cluster(patch, 144.0, 144.0, theta500=4.0, y500=10 * run(patch).sigma[1])
    for column, level in zip((48.0, 80.0, 112.0), levels, strict=True):
        add_source(patch, 70.0, column, kind=kind, peak=level)
    filtered = run(patch)
    found = mmf_candidates(filtered, min_snr=4.5)
    assert len(found) == 1
    assert (found.row[0], found.column[0]) == (pytest.approx(144, abs=1), pytest.approx(144, abs=1))
    assert filtered.masked[70, 112]
    assert not filtered.masked[144, 144]
    assert np.isnan(filtered.snr[:, 70, 112]).all()


def test_a_source_raises_no_noise():
    patch = sky(6)
    quiet = run(patch).sigma
    add_source(patch, 90.0, 90.0, kind="warm dust", peak=50.0)
    assert run(patch).sigma == pytest.approx(quiet, rel=0.1)


def test_where_there_is_no_data_nothing_is_found():
    patch = sky(7)
    add_cluster(patch, 60.0, 60.0, theta500=4.0, y500=15 * run(patch).sigma[1])
    patch[2, :, 110:] = np.nan
    filtered = run(patch)
    assert np.isnan(filtered.snr[:, :, 110:]).all()
    found = mmf_candidates(filtered, min_snr=6)
    assert len(found) == 1
    assert found.column[0] == pytest.approx(60, abs=1)


def test_patches_cut_from_maps_are_known_to_be_blurred(tmp_path):
    import healpy

    nside, grid, bands = 1024, PatchGrid(SIDE, RESOLUTION), PLANCK_HFI[1:5:2]
    rng = np.random.default_rng(8)
    pixels = healpy.query_disc(nside, healpy.ang2vec(40.0, 30.0, lonlat=True), np.radians(5.0))
    lon, lat = healpy.pix2ang(nside, pixels, lonlat=True)
    row, column = grid.pixels_of(lon, lat, 40.0, 30.0)
    pixel = float(healpy.nside2resol(nside, arcmin=True))
    maps = []
    for band in bands:
        values = np.full(12 * nside**2, np.nan, np.float32)
        values[pixels] = rng.normal(0, 0.3 * band.noise / pixel, pixels.size)
        # a map holds means over its pixels
        fwhm = np.hypot(band.fwhm, pixel / np.sqrt(12) * np.sqrt(8 * np.log(2)))
        for one in PLACES:
            away = np.hypot(row - one[0], column - one[1]) * RESOLUTION
            values[pixels] += 3e-3 * band.y_in_unit * profile(2.0, float(fwhm))(away)
        maps.append(HealpixMap(values, nside, False, "G", band.unit, band.name, tmp_path))
    patch = MapStack(maps).cut(40.0, 30.0, grid)
    rows, columns = np.array(PLACES, int).T
    measured = [run(patch, bands, nside=known).amplitude[0][rows, columns].mean() for known in (nside, None)]
    assert measured[0] == pytest.approx(3e-3, rel=0.04)
    assert measured[1] < 0.95 * measured[0]


def test_the_transform_of_the_gas_is_that_of_its_profile():
    radius = np.linspace(0.005, 5, 2000)
    y = 2 * np.pi * radius * beam_convolved_profile(1.0, 0.0, radius)
    total = np.trapezoid(y, radius)
    assert gas_transform(0.0) == pytest.approx(total, rel=0.01)
    # Y500 is within the sphere: 5 R500 hold 1.80 times as much (Arnaud et al. 2010, I(5) / I(1))
    assert gas_transform(0.0) == pytest.approx(1.1037 / 0.6145, rel=0.01)
    assert gas_transform(1e4) == 0


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (np.zeros((6, 32, 30), np.float32), "expected a square"),
        (np.zeros((5, 32, 32), np.float32), "expected a square of 6 bands"),
        (np.full((6, 32, 32), np.nan, np.float32), "0.0% of the patch"),
        (np.ones((6, 32, 32), np.float32), "band 100 is constant"),
    ],
)
def test_patches_that_are_none_are_refused(patch, message):
    with pytest.raises(FrameError, match=message):
        run(patch)


@pytest.mark.parametrize("options", [{"sizes": ()}, {"sizes": (0.0,)}, {"passes": 0}, {"source_snr": -1.0}])
def test_settings_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match=r"give at least one|above 0"):
        FilterSettings(**options)


def candidate_at(found, row, column):
    """Return the only candidate within two pixels of a position."""
    near = np.hypot(found.row - row, found.column - column) < 2
    assert near.sum() == 1
    return found[near]


@pytest.mark.parametrize("ratios", [(1.0, 0.595, 0.297), (1.0, 0.8, 0.45), (1.0, 0.4, 0.2)])
def test_a_clump_of_carbon_monoxide_is_a_candidate_that_is_no_cluster(ratios):
    patch = sky(21)
    add_clump(patch, 96, 96, line=6.0, ratios=ratios, dust=0.0)
    clump = candidate_at(mmf_candidates(run(patch)), 96, 96)
    assert clump.snr > 6
    assert not clump.consistent
    assert clump.chi2 > 5
    # a real cluster of the same significance, on the same sky
    patch = sky(21)
    add_cluster(patch, 96, 96, theta500=4.0, y500=clump.snr[0] * run(patch).sigma[1])
    cluster = candidate_at(mmf_candidates(run(patch)), 96, 96)
    assert cluster.snr == pytest.approx(clump.snr, rel=0.25)
    assert cluster.consistent
    assert cluster.chi2 < 3


def test_carbon_monoxide_is_told_from_dust():
    patch = sky(22)
    add_clump(patch, 50, 50, line=8.0, dust=0.0)
    gas = candidate_at(mmf_candidates(run(patch)), 50, 50)
    assert gas.co > 5
    assert abs(gas.dust) < 3


def test_a_cluster_on_a_molecular_cloud_is_kept():
    patch = sky(23)
    add_clump(patch, 96, 96, line=4.5, fwhm=12.0, dust=0.0)
    add_cluster(patch, 96, 96, theta500=4.0, y500=16 * run(patch).sigma[1])
    both = candidate_at(mmf_candidates(run(patch)), 96, 96)
    assert both.consistent
    assert both.co > 3
    assert both.joint > 5


def test_clusters_in_noise_are_consistent_with_their_spectrum():
    patch = sky(24)
    sigma = run(patch).sigma[1]
    for place in PLACES:
        add_cluster(patch, *place, theta500=4.0, y500=9 * sigma)
    found = mmf_candidates(run(patch), min_snr=6)
    assert len(found) == len(PLACES)
    assert found.consistent.all()
    # five degrees of freedom each
    assert found.chi2.mean() == pytest.approx(1, abs=0.6)
    assert np.abs(found.co).max() < 4
    assert np.abs(found.dust).max() < 4
    assert (found.joint < found.snr).mean() > 0.5


def test_too_few_bands_are_not_tested():
    patch = sky(25)
    add_cluster(patch, 96, 96, theta500=4.0, y500=40 * run(patch).sigma[1])
    alone = mmf_candidates(run(patch[[1]], [PLANCK_HFI[1]]), min_snr=5)
    assert alone.consistent.all()
    assert np.isnan(alone.chi2).all()
    three = candidate_at(mmf_candidates(run(patch[:3], PLANCK_HFI[:3]), min_snr=5), 96, 96)
    assert np.isfinite(three.chi2).all()
    assert np.isfinite(three.dust).all()
    assert np.isnan(three.co).all()
