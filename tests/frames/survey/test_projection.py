"""Masks on the sky, against a projection of every pixel, one by one, with healpy and astropy."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from skysieve.core.errors import FrameError
from skysieve.frames.survey.projection import project_mask

healpy = pytest.importorskip("healpy")
pytest.importorskip("hpgeom")

SHAPE = (37, 53)


def world(*, scale=0.27, centre=(150.0, 2.0), kind=("RA---TAN", "DEC--TAN"), turn=20.0, frame=None):
    """Return coordinates with a scale in arcsec."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = kind, centre, (SHAPE[1] / 2, SHAPE[0] / 2)
    cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    wcs.wcs.cd = scale / 3600 * np.array([[-cosine, sine], [sine, cosine]])
    if frame is not None:
        wcs.wcs.radesys = frame
    wcs.wcs.set()
    return wcs


def distorted():
    header = world(scale=1.2).to_header(relax=True)
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
    for axis in "AB":
        header[f"{axis}_ORDER"] = 2
    header["A_2_0"], header["A_1_1"], header["B_0_2"] = 8e-4, -5e-4, 1e-3
    return WCS(header)


def brute_force(values, wcs, nside):
    """Return bits by pixel of HEALPix: each pixel of the mask, and each of HEALPix near it, on its own."""
    found: dict[int, int] = {}
    rows, columns = np.indices(values.shape).reshape(2, -1)
    sky = SkyCoord(wcs.pixel_to_world(columns, rows)).icrs
    pixels = healpy.ang2pix(nside, sky.ra.deg, sky.dec.deg, nest=True, lonlat=True)
    for pixel, row, column in zip(pixels, rows, columns, strict=True):
        found[int(pixel)] = found.get(int(pixel), 0) | int(values[row, column])
    centre = SkyCoord(wcs.pixel_to_world(values.shape[1] / 2, values.shape[0] / 2)).icrs
    radius = sky.separation(centre).max().rad * 1.2 + 2 * healpy.nside2resol(nside)
    vector = healpy.ang2vec(centre.ra.deg, centre.dec.deg, lonlat=True)
    near = healpy.query_disc(nside, vector, radius, nest=True)
    ra, dec = healpy.pix2ang(nside, near, nest=True, lonlat=True)
    x, y = wcs.world_to_pixel(SkyCoord(ra * units.deg, dec * units.deg))
    for pixel, column, row in zip(near, np.rint(x).astype(int), np.rint(y).astype(int), strict=True):
        if 0 <= row < values.shape[0] and 0 <= column < values.shape[1]:
            found[int(pixel)] = found.get(int(pixel), 0) | int(values[row, column])
    return found


@pytest.fixture
def values():
    rng = np.random.default_rng(3)
    return rng.choice([0, 1, 2, 4, 1 << 61], SHAPE, p=[0.6, 0.1, 0.1, 0.1, 0.1]).astype(np.int64)


CASES = {
    "pixels smaller than those of HEALPix": (world(), 131_072),
    "pixels of a similar size": (world(scale=1.5), 131_072),
    "pixels larger than those of HEALPix": (world(scale=8), 65_536),
    "few pixels of HEALPix": (world(scale=20), 512),
    "right ascension 0": (world(centre=(0.0, -41.8)), 131_072),
    "the pole": (world(centre=(10.0, 90.0), scale=2), 65_536),
    "galactic": (world(kind=("GLON-CAR", "GLAT-CAR"), centre=(80.0, 0.0), scale=2), 65_536),
    "FK5": (world(frame="FK5", scale=1), 131_072),
    "declination first": (world(kind=("DEC--TAN", "RA---TAN"), centre=(2.0, 150.0), scale=2), 65_536),
    "distortions": (distorted(), 131_072),
}


@pytest.mark.parametrize("case", CASES)
def test_pixels_and_bits_are_those_of_a_projection_of_each_pixel(values, case, monkeypatch):
    monkeypatch.setattr("skysieve.frames.survey.projection.TOLERANCE", 0.0)  # nothing is interpolated
    wcs, nside = CASES[case]
    pixels, bits = project_mask(values, wcs, nside)
    assert (np.diff(pixels) > 0).all()
    assert dict(zip(pixels.tolist(), bits.tolist(), strict=True)) == brute_force(values, wcs, nside)


@pytest.mark.parametrize("case", CASES)
def test_interpolated_positions_are_as_good_as_exact(values, case, monkeypatch):
    wcs, nside = CASES[case]
    found = dict(zip(*map(np.ndarray.tolist, project_mask(values, wcs, nside)), strict=True))
    monkeypatch.setattr("skysieve.frames.survey.projection.TOLERANCE", 0.0)
    exact = dict(zip(*map(np.ndarray.tolist, project_mask(values, wcs, nside)), strict=True))
    differ = found.items() ^ exact.items()
    assert len(differ) <= 2 * 2, "more than two pixels of the mask are in another pixel of HEALPix"


def test_most_positions_are_interpolated(monkeypatch):
    exact, computed = WCS.all_pix2world, []

    def counted(self, x, *more):
        computed.append(x.size)
        return exact(self, x, *more)

    monkeypatch.setattr(WCS, "all_pix2world", counted)
    project_mask(np.ones((512, 512), np.int64), world(), 131_072)
    assert 0 < sum(computed) < 0.05 * 512**2


def test_a_large_mask_is_projected_in_blocks(monkeypatch, values):
    wcs, nside = CASES["pixels larger than those of HEALPix"]
    whole = project_mask(values, wcs, nside)
    monkeypatch.setattr("skysieve.frames.survey.projection.BLOCK", 300)
    for parts, one in zip(project_mask(values, wcs, nside), whole, strict=True):
        np.testing.assert_array_equal(parts, one)


def test_pixels_beyond_the_sky_are_left_out(values):
    edge = WCS(naxis=2)
    edge.wcs.ctype, edge.wcs.crpix, edge.wcs.cdelt = ("RA---AIT", "DEC--AIT"), (1640, 18), (0.1, 0.1)
    lon, _ = edge.all_pix2world([0.0, SHAPE[1] - 1.0], [17.0, 17.0], 0)
    assert np.isfinite(lon).tolist() == [False, True]
    pixels, _ = project_mask(values, edge, 512)
    area = pixels.size * np.degrees(healpy.nside2resol(512)) ** 2
    assert 0 < area < 0.9 * 0.01 * values.size


def test_a_mask_that_is_not_on_the_sky_is_an_error(values):
    nowhere = world()
    nowhere.wcs.ctype, nowhere.wcs.crval, nowhere.wcs.crpix = ("RA---AIT", "DEC--AIT"), (0, 0), (1e9, 1e9)
    nowhere.wcs.set()
    with pytest.raises(FrameError, match="no pixel of the mask lies on the sky"):
        project_mask(values, nowhere, 512)
