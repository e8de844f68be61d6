"""Repaired frames: bad pixels get values like those around them, and all others stay as they are."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

import skysieve
from skysieve.core.errors import ConfigError, FrameError, OutputError, SourceError
from skysieve.frames.repair.files import repair_file
from skysieve.frames.repair.settings import RepairSettings

SHAPE = (120, 150)
NOISE = 5.0
ROWS, COLUMNS = np.mgrid[: SHAPE[0], : SHAPE[1]]
SLOPE = 500 + 0.5 * COLUMNS + 0.3 * ROWS


def scene():
    """Return a sloping sky, the same with defects, and the mask of these: a hit, a trail, a large area."""
    sky = SLOPE + np.random.default_rng(3).normal(0, NOISE, SHAPE)
    bad = np.zeros(SHAPE, np.int16)
    bad[20, 30] = 1
    bad[np.abs(ROWS - 0.4 * COLUMNS - 40) < 3] |= 64
    bad[10:40, 100:130] |= 512
    return sky, np.where(bad != 0, 6e4, sky), bad


def test_filled_pixels_continue_their_surroundings():
    _, hit, bad = scene()
    filled = skysieve.repair(hit, bad)
    where = bad != 0
    np.testing.assert_array_equal(filled[~where], hit[~where])
    assert np.abs(filled - SLOPE)[where].max() < 4 * NOISE
    assert (filled - SLOPE)[where].std() < 0.7 * NOISE


def test_noise_is_that_of_the_sky():
    _, hit, bad = scene()
    difference = (skysieve.repair(hit, bad, noise=True) - skysieve.repair(hit, bad))[bad != 0]
    assert difference.std() == pytest.approx(NOISE, rel=0.15)
    again = skysieve.repair(hit, bad, noise=True, seed=1)
    np.testing.assert_array_equal(again, skysieve.repair(hit, bad, noise=True))
    assert (again != skysieve.repair(hit, bad, noise=True, seed=2)).any()


def test_nan_is_not_used():
    sky, _, bad = scene()
    sky[bad != 0] = np.nan
    sky[19, 30] = np.nan
    filled = skysieve.repair(sky, bad)
    assert np.isfinite(filled[bad != 0]).all()
    assert np.isnan(filled[19, 30])


def test_an_area_larger_than_the_weights_is_filled():
    pixels, bad = np.full((40, 900), 7.0), np.ones((40, 900), bool)
    bad[:, :5] = False
    np.testing.assert_allclose(skysieve.repair(pixels, bad), 7.0)


def test_arrays_that_cannot_be_repaired():
    with pytest.raises(FrameError, match=r"shape \(3, 4\).*shape \(4, 3\)"):
        skysieve.repair(np.ones((3, 4)), np.ones((4, 3)))
    with pytest.raises(FrameError, match="no pixel is good"):
        skysieve.repair(np.ones((3, 4)), np.ones((3, 4)))


@pytest.fixture
def files(tmp_path):
    """Write a file of two frames and a table, and a mask of Skysieve's kind."""
    _, hit, bad = scene()
    table = fits.BinTableHDU(np.zeros(3, [("x", "f4")]), name="CAT")
    frames = [fits.ImageHDU(hit.astype(kind), name=name) for kind, name in (("f4", "N1"), ("u2", "N2"))]
    frames[0].header["BUNIT"] = "adu"
    fits.HDUList([fits.PrimaryHDU(), frames[0], table, frames[1]]).writeto(tmp_path / "a.fits")
    masks = [fits.CompImageHDU(bad, name=name, compression_type="GZIP_2") for name in ("N2", "N1")]
    masks[0].data = bad | np.int16(8192) * (ROWS < 4)
    for mask in masks:
        for bit, name in ((0, "CR"), (6, "TRL"), (9, "SAT"), (13, "NODATA")):
            mask.header[f"HIERARCH MP_{name}" if len(name) > 5 else f"MP_{name}"] = bit
        mask.header["BADBITS"] = 1 + 64 + 8192
    fits.HDUList([fits.PrimaryHDU(), *masks]).writeto(tmp_path / "a.mask.fits")
    return tmp_path


def test_a_file_is_copied_with_its_bad_pixels_filled(files):
    done = repair_file(files / "a.fits", files / "a.mask.fits", files / "out.fits")
    _, _, bad = scene()
    where = (bad & 65) != 0
    with fits.open(files / "out.fits", checksum=True) as hdus, fits.open(files / "a.fits") as before:
        assert [hdu.name for hdu in hdus] == [hdu.name for hdu in before]
        for index, record in zip((1, 3), done, strict=True):
            data, header = hdus[index].data, hdus[index].header
            assert data.dtype == before[index].data.dtype
            np.testing.assert_array_equal(data[~where], before[index].data[~where])
            assert np.abs(data - SLOPE)[where].max() < 4 * NOISE + 1
            assert header["REPAIRED"] is True
            assert header["REPAIRPX"] == record.pixels == where.sum()
            assert header["REPAIRMK"] == "a.mask.fits"
            assert "filled pixels of the mask's bad classes" in str(header["HISTORY"])
        assert hdus[1].header["BUNIT"] == "adu"
        assert len(hdus["CAT"].data) == 3


def test_named_planes_are_filled(files):
    settings = RepairSettings(bad=("SAT",), noise=True)
    repair_file(files / "a.fits[N1]", files / "a.mask.fits", files / "out.fits", settings)
    _, hit, bad = scene()
    with fits.open(files / "out.fits") as hdus:
        changed = hdus["N1"].data != hit.astype("f4")
        np.testing.assert_array_equal(changed, (bad & 512) != 0)
        assert "seed of the noise of filled pixels = 1" in str(hdus["N1"].header["HISTORY"])
        assert "REPAIRED" not in hdus["N2"].header


def test_compressed_frames_keep_their_other_pixels(files):
    _, hit, bad = scene()
    hdu = fits.CompImageHDU(hit.astype("f4"), compression_type="RICE_1")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(files / "c.fits.fz")
    fits.PrimaryHDU((bad > 0).astype("u1")).writeto(files / "m.fits")
    repair_file(files / "c.fits.fz", files / "m.fits", files / "out.fits")
    before, after = fits.getdata(files / "c.fits.fz"), fits.getdata(files / "out.fits", 1)
    np.testing.assert_array_equal(after[bad == 0], before[bad == 0])
    assert (after[bad > 0] < 700).all()


@pytest.mark.parametrize(
    ("mask", "output", "bad", "error", "words"),
    [
        ("a.mask.fits", "a.fits", (), OutputError, "the copy would replace"),
        ("a.mask.fits", "a.mask.fits", (), OutputError, "the copy would replace"),
        ("a.mask.fits", "o.fits", ("FR",), ConfigError, "has no plane 'FR'; it has"),
        ("small.fits", "o.fits", (), FrameError, "give the mask that was made of this file"),
        ("one.fits", "o.fits", (), FrameError, "has 1 images, and no mask for HDU 3"),
        ("a.fits", "o.fits", (), FrameError, "has no integers, so it is no mask"),
        ("none.fits", "o.fits", (), SourceError, "none.fits"),
        ("text.fits", "o.fits", (), SourceError, "cannot be read as a mask"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(files, mask, output, bad, error, words):  # noqa: PLR0917
    fits.PrimaryHDU(np.zeros((5, 6), "u1")).writeto(files / "small.fits")
    fits.PrimaryHDU(np.zeros(SHAPE, "u1")).writeto(files / "one.fits")
    (files / "text.fits").write_text("no FITS")
    with pytest.raises(error, match=words) as caught:
        repair_file(files / "a.fits", files / mask, files / output, RepairSettings(bad=bad), overwrite=True)
    assert "\n" not in str(caught.value)
    assert not (files / "o.fits").exists()
