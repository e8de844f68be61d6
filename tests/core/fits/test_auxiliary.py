"""Images that are no pictures of the sky: by name, by header, by pixels, by the name of the file."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from skysieve.core.errors import NoFrameError
from skysieve.core.fits.auxiliary import classify_name
from skysieve.core.fits.content import FEW_VALUES
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import Location, parse_location

SHAPE = (64, 80)

ALWAYS = """
UNCERT WEIGHT RMS FLAGS EXPMAP BKG VARIANCE ERR DQ CONTEXT CON CTX WHT MSK WGT BPM MASK VAR IVAR
INVVAR FLG QUAL SAMP TIME D2IMARR WCSDVARR CONFIDENCE CONF COVERAGE COV UNC STDDEV SIGMA ERROR
QUALITY FLAG EXPTIME NEXP OBJMASK READNOISE BACKGROUND SEGMENTATION INVERSEVARIANCE BADPIX
DATAQUALITY PSFIMAGE UNCERTAINTY MINIBACK WEIGHTS ERRS UNCERT2 mask_3 Variance dq
CAMERA.CCD_1.1_uncert 3-4.E.RMS 3-4.E.FLG DET11.DQ N4_DQ CCD1.WEIGHT BACKGROUND_RMS VAR_RNOISE ERR1
weightmap WEIGHT_MAP SCIERR mskimg REFUNC ERRIMAGE BADPIXMAP FLAG_IMAGE CRMASK GROUPDQ NOISE_MAP
EXPOSURE_MAP STAT_ERR SKYVAR IVARRAW
"""
BESIDE = "SKY MODEL PSF FLAT NOISE EXPOSURE STAT AREA VAR_POISSON MASK_A DEPTH TEMPLATE"
PICTURES = """
IMAGE DATA N1 S29 CCD1 chip1 im3 tile DET1.CHIP1 CAMERA.CCD_1.1_cal DIFFERENCE MASKED VARIABLE_STAR BKG_SUB
SKYSUB -BACKGROUND Q1 AMP2 RESIDUAL M31 FLUX SIGNAL COADD WEIGHTY errata
"""


def listed(text):
    """Return the words of a text."""
    return text.split()


def sky(seed=0, kind="f4", level=500.0, noise=5.0):
    """Return sky with a few stars."""
    random = np.random.default_rng(seed)
    pixels = random.normal(level, noise, SHAPE)
    for y, x in random.integers(5, 55, (6, 2)):
        pixels[y - 1 : y + 2, x - 1 : x + 2] += level + 50 * noise
    return np.rint(pixels).astype(kind) if np.dtype(kind).kind in "iu" else pixels.astype(kind)


def write(path, *hdus):
    """Write (name, array) or HDUs as extensions behind an empty primary HDU."""
    made = [fits.ImageHDU(hdu[1], name=hdu[0]) if isinstance(hdu, tuple) else hdu for hdu in hdus]
    fits.HDUList([fits.PrimaryHDU(), *made]).writeto(path, overwrite=True)
    return path


def frames(path):
    """Return the names of the HDUs that are frames; none if the file has none."""
    try:
        with FrameFile(parse_location(str(path))) as file:
            return [hdu.name for hdu in file.frames]
    except NoFrameError:
        return []


class TestNames:
    @pytest.mark.parametrize("name", listed(ALWAYS))
    def test_of_the_field_are_known(self, name):
        named = classify_name(name)
        assert named is not None
        assert named.certain

    def test_leave_an_image_out_also_without_any_other(self, tmp_path):
        for name in ("UNCERT", "BKG", "WEIGHT"):
            assert frames(write(tmp_path / "a.fits", (name, sky()))) == []

    @pytest.mark.parametrize("name", listed(BESIDE))
    def test_that_may_be_of_pictures_count_beside_one_of_their_shape(self, tmp_path, name):
        path = write(tmp_path / "a.fits", ("N1", sky()), (name, sky(1)))
        assert frames(path) == ["N1"]
        assert frames(f"{path}[{name}]") == [name.upper()], "unless it is asked for"
        assert frames(write(tmp_path / "a.fits", (name, sky()))) == [name.upper()]
        assert frames(write(tmp_path / "a.fits", ("N1", sky()[:40]), (name, sky()))) == ["N1", name.upper()]

    @pytest.mark.parametrize("name", listed(PICTURES))
    def test_of_pictures_are_left_alone(self, tmp_path, name):
        path = tmp_path / "a.fits"
        assert name.upper() in frames(write(path, ("N9", sky(1)), (name, sky()))) or name in (
            "SCI",
            "PRIMARY",
        )

    def test_that_end_in_sci_exclude_all_others(self, tmp_path):
        path = write(tmp_path / "a.fits", ("DET11.SCI", sky()), ("DET11.AUX", sky()), ("DET12.SCI", sky()))
        assert frames(path) == ["DET11.SCI", "DET12.SCI"]


class TestHeaders:
    @pytest.mark.parametrize(
        ("card", "value"),
        [
            ("HDUCLAS2", "ERROR"),
            ("HDUCLAS2", "QUALITY"),
            ("HDUCLAS3", "INVMSE"),
            ("HDUCLAS3", "FLAG32BIT"),
            ("HDUCLAS2", "EXPOSURE"),
            ("UTYPE", "StdDevUncertainty"),
            ("PRODTYPE", "wtmap"),
            ("PRODTYPE", "dqmask"),
            ("PRODTYPE", "expmap"),
            ("PRODCATG", "ANCILLARY.WEIGHTMAP"),
            ("HIERARCH ESO PRO CATG", "CONFIDENCE_MAP"),
            ("IMTYPE", "invvar"),
            ("DES_EXT", "WEIGHT"),
            ("OBSTYPE", "BPM"),
        ],
    )
    def test_say_what_an_image_is(self, tmp_path, card, value):
        hdu = fits.ImageHDU(sky(), name="X1")
        hdu.header[card] = value
        path = write(tmp_path / "a.fits", ("N1", sky()), hdu)
        with FrameFile(Location(path)) as file:
            assert [frame.name for frame in file.frames] == ["N1"]
            assert file.others[1].reason.endswith("by its header")

    def test_of_a_file_hold_for_its_images(self, tmp_path):
        path = write(tmp_path / "a.fits", ("N1", sky()), ("N2", sky()))
        fits.setval(path, "PRODTYPE", value="wtmap")
        assert frames(path) == []

    @pytest.mark.parametrize(
        ("card", "value"),
        [
            ("HDUCLAS1", "IMAGE"),
            ("HDUCLAS2", "DATA"),
            ("PRODTYPE", "image"),
            ("PRODCATG", "SCIENCE.IMAGE"),
            ("OBSTYPE", "BACKGROUND"),
            ("IMAGETYP", "SKY"),
            ("OBSTYPE", "flat"),
        ],
    )
    def test_of_pictures_are_left_alone(self, tmp_path, card, value):
        hdu = fits.ImageHDU(sky(), name="N1")
        hdu.header[card] = value
        assert frames(write(tmp_path / "a.fits", hdu)) == ["N1"]

    @pytest.mark.parametrize("cards", [{"MP_BAD": 0, "MP_SAT": 1}, {"MSKN0000": "BAD", "MSKM0000": 1}])
    def test_with_planes_are_of_masks(self, tmp_path, cards):
        hdu = fits.ImageHDU(sky(kind="i4"), name="X")
        hdu.header.update(cards)
        assert frames(write(tmp_path / "a.fits", hdu)) == []


def planes(share=0.03):
    """Return bit planes: detections in areas, and single bad pixels."""
    random = np.random.default_rng(3)
    bits = np.zeros(SHAPE, "i4")
    bits[random.random(SHAPE) < share] |= 1
    for y, x in random.integers(8, 50, (12, 2)):
        bits[y - 4 : y + 5, x - 4 : x + 5] |= 32
    return bits


def labels():
    """Return a segmentation map."""
    found = np.zeros(SHAPE, "i4")
    for number, (y, x) in enumerate(np.random.default_rng(4).integers(4, 60, (90, 2)), start=1):
        found[y - 3 : y + 4, x - 3 : x + 4] = number
    return found


def weights(kind="f4", scale=1.0):
    """Return weights with noise, sources that weigh less, and bad columns that weigh nothing."""
    random = np.random.default_rng(5)
    found = random.normal(100, 1, SHAPE)
    for y, x in random.integers(5, 55, (8, 2)):
        found[y - 2 : y + 3, x - 2 : x + 3] *= 0.5
    found[:, 30] = 0
    return (np.rint(found) if np.dtype(kind).kind in "iu" else scale * found).astype(kind)


def plateaus():
    """Return the exposure map of a dither, in seconds."""
    found = np.full(SHAPE, 300.0)
    found[:, :10], found[:, 70:], found[:9], found[55:] = 100, 200, 99.5, 0
    return found.astype("f4")


class TestPixels:
    @pytest.mark.parametrize(
        "pixels",
        [
            planes(),
            planes().astype("u2"),
            planes().astype("f4"),
            (planes() > 0).astype("u1"),
            (planes() > 0).astype("f8"),
            planes(0.2),
            np.where(planes() > 1, 5, 0),
            labels(),
            weights(),
            weights(scale=1e-6),
            weights("i2"),
            plateaus(),
        ],
        ids=lambda pixels: f"{pixels.dtype}-{len(np.unique(pixels))}",
    )
    def test_of_masks_and_weights_are_recognised(self, tmp_path, pixels, caplog):
        path = write(tmp_path / "a.fits", ("N1", sky()), ("X1", pixels))
        assert frames(path) == ["N1"]
        assert f"{path}[2]: left out: " in caplog.text
        assert frames(f"{path}[2]") == ["X1"], "unless it is asked for"
        assert frames(write(tmp_path / "b.fits", ("X1", pixels))) == []

    @pytest.mark.parametrize(
        "pixels",
        [
            sky(),
            sky(kind="u1", level=20, noise=2),
            sky(kind="i2", level=10, noise=0.4),
            sky(kind="u2", level=10, noise=0.6) * np.uint16(16),
            sky(kind="f4", level=0),
            np.random.default_rng(1).poisson(0.5, SHAPE).astype("i2"),
            np.where(np.arange(80) < 60, 0, sky(kind="u1", level=20, noise=2)).astype("u1"),
            np.where(np.arange(80) < 60, 65535, sky(kind="u2")).astype("u2"),
            np.where(np.arange(80) < 60, 65535, sky()).astype("f4"),
            np.where(np.arange(80) < 20, 0, sky()).astype("f4"),
            np.where(np.arange(80) == 9, 0, sky(kind="i4")).astype("i4"),
            np.minimum(sky(kind="u2", level=64000, noise=900) * (np.arange(80) != 9), 65535).astype("u2"),
            np.zeros(SHAPE, "i2"),
            np.full(SHAPE, np.nan, "f4"),
        ],
        ids=range(14),
    )
    def test_of_pictures_however_poor_are_left_alone(self, tmp_path, pixels):
        assert frames(write(tmp_path / "a.fits", ("N1", sky()), ("X1", pixels))) == ["N1", "X1"]

    def test_beneath_the_name_sci_are_not_looked_at(self, tmp_path):
        assert frames(write(tmp_path / "a.fits", ("SCI", planes()))) == ["SCI"]

    def test_all_the_same_beside_masks_are_a_mask(self, tmp_path):
        assert frames(write(tmp_path / "a.fits", ("N1", planes()), ("N2", np.zeros(SHAPE, "i4")))) == []

    def test_are_found_where_only_a_part_shows_them(self, tmp_path):
        mask = np.zeros((1000, 80), "i2")
        mask[400:403, 5:50] = 4
        mask[600:640, 5:50] = 8
        cube = np.stack([np.zeros_like(mask), mask, mask])
        for name, pixels in (("image", mask), ("cube", cube)):
            assert frames(write(tmp_path / f"{name}.fits", ("X", pixels))) == []


class TestFileNames:
    @pytest.mark.parametrize(
        ("picture", "other"),
        [("a.fits", "a.rms.fits"), ("a-int-3.fits", "a-unc-3.fits"), ("a_sci.fits", "a_err.fits")],
    )
    def test_count_beside_the_picture(self, tmp_path, picture, other):
        path = write(tmp_path / other, ("", np.abs(sky())))
        assert frames(path) == [""]
        write(tmp_path / picture, ("", sky()))
        assert frames(path) == []
        assert frames(tmp_path / picture) == [""]
        assert frames(f"{path}[1]") == [""]

    def test_do_not_count_against_the_pixels(self, tmp_path):
        write(tmp_path / "a.fits", ("", sky()))
        for name in ("a.mask.fits", "a.rms.fits", "a.bkg.fits"):
            assert frames(write(tmp_path / name, ("", sky(kind="u2", level=5000)))) == [""]


def test_every_real_frame_is_a_frame_and_nothing_beside_it():
    root = os.environ.get("SKYSIEVE_TEST_DATA")
    if not root or not Path(root, "real/frames").exists():
        pytest.skip("SKYSIEVE_TEST_DATA names no folder with real/frames: no real frames")
    for path in sorted(Path(root, "real/frames").iterdir()):
        assert frames(path) == ["SCI"], path
    expected = {
        "decam_cp_170316_ood_z_N2.fits": [],
        "decam_cp_170316_ooi_z_N2.fits": ["N2"],
        "hst_wfc3uvis_ibo822tbq_flt.fits": ["SCI"],
        "lco_1m_fa05_raw_mef.fits": ["SCI"] * 4,
        "maximask_published_output.fits.fz": [],
        "panoptes_rggb_solved.fits.fz": ["COMPRESSED_IMAGE"],
    }
    for path in sorted(Path(root, "frames").iterdir()):
        assert frames(path) == expected.get(path.name, ["PRIMARY"]), path
    for path in sorted(Path(root, "real/bpm").iterdir()):
        if path.stat().st_size < 2**18:
            assert frames(path) == [], path


def test_what_is_left_out_is_in_the_log(tmp_path, caplog):
    path = write(tmp_path / "a.fits", ("N1", sky()), ("WEIGHT", sky()), ("X", planes()))
    with caplog.at_level(logging.INFO):
        assert frames(path) == ["N1"]
    found = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert found == [
        ("INFO", f"{path}[2]: left out: weights by its name; name it so, to process it"),
        ("WARNING", f"{path}[3]: left out: {FEW_VALUES}; name it so, to process it"),
    ]
