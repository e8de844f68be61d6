"""The picture of a focal plane: CCDs in their places, without background, on the published scale."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image
from tests.ghosts.real_data import published
from tests.ghosts.tiny_camera import CCD_SHAPE, raw, sky, tiny_camera, write_exposure

from skysieve.core.errors import FrameError
from skysieve.core.fits.locations import Location
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.exposures import CcdImage, Exposure
from skysieve.ghosts.focal_plane.focal_plane import (
    GAP_LEVEL,
    SKY_LEVEL,
    SKY_SCATTER,
    assemble,
    to_grey_levels,
)

WHOLE = ((slice(None), slice(None)),)


def images(ccds):
    return [CcdImage(number, pixels, WHOLE) for number, pixels in ccds.items()]


def plane(ccds, **options):
    return assemble(images(ccds), tiny_camera(), **options)


def on(number, picture):
    return picture[tiny_camera().by_number[number].picture_box.inside(picture.shape)]


class TestThePicture:
    def test_has_its_ccds_in_their_places(self):
        result = plane(sky())
        assert result.ccds == (1, 2, 3, 4, 5)
        np.testing.assert_array_equal(np.isfinite(result.values), tiny_camera().ccd_map > 0)

    def test_has_each_ccd_turned_into_its_place(self):
        ccds = sky()
        ccds[4][240:, :16] += 80  # last rows, first columns: upper left in the picture
        bright = np.argwhere(plane(ccds).values > 20)
        box = tiny_camera().by_number[4].picture_box
        assert bright.tolist() == [[box.y0, box.x0]]

    def test_has_no_background_of_its_own_on_any_ccd(self):
        picture = plane(sky()).values
        for number in tiny_camera().numbers:
            assert abs(np.median(on(number, picture))) < 0.1

    def test_counts_in_the_noise_of_64_pixels(self):
        ccds = sky(noise=16)
        assert plane(ccds).noise == pytest.approx(2, rel=0.1)
        ccds[4][:112] += 20  # seven columns of 16 on the right in the picture
        cell = on(4, plane(ccds).values)
        assert np.median(cell[:, 9:]) == pytest.approx(10, abs=1)
        assert np.median(cell[:, :9]) == pytest.approx(0, abs=0.3)

    def test_is_the_same_in_any_order_and_with_any_number_of_threads(self):
        one = assemble(reversed(images(sky())), tiny_camera(), threads=1)
        np.testing.assert_array_equal(one.picture, plane(sky(), threads=3).picture)

    def test_of_medians_has_no_stars_and_little_noise_and_of_samples_both(self):
        ccds = sky()
        ccds[4][8::32, 8::32] += 3000  # a star in every fourth bin
        medians, samples = (on(4, plane(ccds, binning=b).values) for b in ("medians", "samples"))
        assert np.abs(medians).max() < 4
        assert np.count_nonzero(samples > 10) == 8 * 16 / 4
        assert np.std(on(3, plane(ccds, binning="samples").values)) == pytest.approx(1, rel=0.25)

    def test_of_whole_numbers_has_no_steps_of_whole_numbers(self, tmp_path):
        ccds = sky(noise=6)
        ccds[4][:, :64] += 0.3 - ccds[4][:, :64].mean() + 1000
        ccds[4][:, 64:] += 2 * 0.45 - ccds[4][:, 64:].mean() + 1000
        hdus = {number: raw(number, pixels) for number, pixels in ccds.items()}
        with Exposure(Location(write_exposure(tmp_path / "e.fits", hdus)), tiny_camera()) as exposure:
            made = assemble(exposure, tiny_camera())
        cell = on(4, made.values)
        # a count is 1.3 units of noise of the first amplifier, and 2.7 of the second
        assert abs(cell[:4].mean() - cell[4:].mean()) < 0.4
        assert len(np.unique(np.round(cell[:4], 3))) > 50
        assert cell[:4].std() < 0.5

    def test_of_raw_ccds_has_no_step_between_amplifiers(self, tmp_path):
        ccds = sky()
        ccds[4][:, 64:] += 40  # what the bias and gain did not take away
        path = write_exposure(tmp_path / "e.fits", {n: raw(n, pixels) for n, pixels in ccds.items()})
        with Exposure(Location(path), tiny_camera()) as exposure:
            cell = on(4, assemble(exposure, tiny_camera()).values)
        assert abs(np.median(cell[:4]) - np.median(cell[4:])) < 1


class TestBlankPartsAre:
    def test_ccds_that_are_missing(self):
        ccds = sky()
        del ccds[2]
        result = plane(ccds)
        assert (on(2, result.picture) == GAP_LEVEL).all()
        assert result.ccds == (1, 3, 4, 5)

    @pytest.mark.parametrize("fill", [np.nan, 0, 1000])
    def test_ccds_without_data_or_noise(self, fill):
        ccds = sky()
        ccds[2][:] = fill
        result = plane(ccds)
        assert (on(2, result.picture) == GAP_LEVEL).all()
        assert result.ccds == (1, 3, 4, 5)

    def test_dead_columns(self):
        ccds = sky()
        ccds[5][:, 64:] = np.nan
        cell = on(5, plane(ccds).picture)
        assert (cell[4:] == GAP_LEVEL).all()
        assert np.median(cell[:4]) == pytest.approx(SKY_LEVEL, abs=8)

    def test_not_bins_with_a_few_bad_pixels(self):
        ccds = sky()
        ccds[4][np.random.default_rng(3).random(CCD_SHAPE) < 0.1] = np.nan
        assert np.isfinite(on(4, plane(ccds).values)).all()

    def test_not_a_whole_exposure(self):
        with pytest.raises(FrameError, match="no CCD has valid pixels with noise"):
            plane({4: np.zeros(CCD_SHAPE, np.float32)})


class TestTheGreyScale:
    def test_is_the_published_one(self):
        values = np.array([0, 1, -1, 1.55, -9, 99, np.nan], np.float32)
        assert to_grey_levels(values).tolist() == [54, 67, 41, 74, 0, 255, 23]
        assert to_grey_levels(values).dtype == np.uint8

    def test_has_the_levels_of_the_published_pictures(self):
        on_ccds = decam().ccd_map > 0
        # JPEG blurs the edges of CCDs: gaps are judged well outside of them
        outside = np.ones((400, 400), bool)
        for ccd in decam().ccds:
            box = ccd.picture_box
            outside[max(box.y0 - 9, 0) : box.y1 + 9, max(box.x0 - 9, 0) : box.x1 + 9] = False
        skies, scatters = [], []
        for path in sorted(published("images").glob("*.jpg")):
            picture = np.asarray(Image.open(path).convert("L"))
            assert (picture[outside] == GAP_LEVEL).all()
            levels = picture[on_ccds & (decam().ccd_map != 61)]
            skies.append(np.median(levels))
            scatters.append(1.4826 * np.median(np.abs(levels - skies[-1])))
        assert len(skies) == 25
        assert np.median(skies) == pytest.approx(SKY_LEVEL, abs=3)
        assert np.median(scatters) == pytest.approx(SKY_SCATTER, abs=2)


CHILD = """
import re, resource, sys
from pathlib import Path
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.exposures import Exposure
from skysieve.ghosts.focal_plane.focal_plane import assemble
from skysieve.core.fits.locations import Location

with Exposure(Location(Path(sys.argv[1])), decam()) as exposure:
    assert len(assemble(exposure, decam()).ccds) == 61
status = Path("/proc/self/status")
if status.exists():  # ru_maxrss begins with the memory of the process that started this one
    print(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1])
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
class TestAWholeExposureOf62Ccds:
    def ccd(self):
        return (1000 + 30 * np.random.default_rng(1).standard_normal((4096, 2048), np.float32)).astype("f4")

    def test_takes_little_memory(self, tmp_path):
        path, pixels = tmp_path / "e.fits", self.ccd().astype(">f4").tobytes()
        primary = fits.PrimaryHDU()
        primary.header["INSTRUME"] = "DECam"
        primary.writeto(path)
        with path.open("ab") as stream:
            for ccd in decam().ccds:
                header = fits.ImageHDU(np.zeros((4096, 2048), "f4"), name=ccd.name).header
                header["CCDNUM"] = ccd.number
                stream.write(header.tostring().encode() + pixels + bytes(-len(pixels) % 2880))
        try:
            done = subprocess.run(
                [sys.executable, "-c", CHILD, str(path)], capture_output=True, text=True, check=True
            )
        finally:
            path.unlink()
        # kilobytes on Linux, bytes on macOS
        peak = int(done.stdout) * (1 if sys.platform == "darwin" else 1024)
        assert peak < 1.5e9
