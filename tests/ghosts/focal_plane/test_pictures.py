"""Pictures of a focal plane made before: PNG, JPEG, NPY, FITS; and what is none."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image
from tests.ghosts.real_data import published
from tests.ghosts.tiny_camera import sky, write_calibrated

from skysieve.core.errors import SkysieveError
from skysieve.core.fits.locations import Location, parse_location
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.focal_plane import GAP_LEVEL
from skysieve.ghosts.focal_plane.pictures import check_picture, is_picture, read_picture


@pytest.fixture(scope="module")
def grey():
    return np.random.default_rng(1).integers(0, 256, (400, 400), np.uint8)


@pytest.fixture(scope="module")
def pictures():
    return [read_picture(path) for path in sorted(published("images").glob("*.jpg"))]


def refusal(path):
    with pytest.raises(SkysieveError) as error:
        read_picture(path if isinstance(path, Location) else Location(path))
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)
    return str(error.value)


def written(path, pixels):
    """Write pixels as the ending says."""
    if path.suffix == ".npy":
        np.save(path, pixels)
    elif path.suffix == ".fits":
        fits.PrimaryHDU(pixels).writeto(path)
    elif path.suffix == ".fz":
        packed = fits.CompImageHDU(pixels, compression_type="GZIP_2", quantize_level=0)
        fits.HDUList([fits.PrimaryHDU(), packed]).writeto(path)
    else:
        Image.fromarray(pixels).save(path)
    return path


class TestAPicture:
    @pytest.mark.parametrize("name", ["a.png", "A.PNG", "a.npy", "a.fits", "a.fits.fz"])
    def test_is_read_as_it_is(self, tmp_path, grey, name):
        read = read_picture(written(tmp_path / name, grey))
        np.testing.assert_array_equal(read, grey)
        assert read.dtype == np.uint8

    @pytest.mark.parametrize("name", ["a.jpg", "a.jpeg"])
    def test_in_jpeg_is_near(self, tmp_path, name):
        smooth = np.tile(np.linspace(0, 255, 400).astype(np.uint8), (400, 1))
        read = read_picture(written(tmp_path / name, np.dstack([smooth] * 3)))
        assert np.abs(read.astype(int) - smooth).max() < 6

    def test_may_have_three_equal_channels(self, tmp_path, grey):
        np.testing.assert_array_equal(read_picture(written(tmp_path / "a.png", np.dstack([grey] * 3))), grey)

    def test_may_have_a_palette_of_greys_and_an_opaque_alpha(self, tmp_path, grey):
        Image.fromarray(grey).convert("P").save(tmp_path / "p.png")
        Image.fromarray(grey).convert("LA").save(tmp_path / "la.png")
        for name in ("p.png", "la.png"):
            np.testing.assert_array_equal(read_picture(tmp_path / name), grey)

    @pytest.mark.parametrize("name", ["a.npy", "a.fits"])
    def test_may_be_whole_numbers_in_floating_point(self, tmp_path, grey, name):
        np.testing.assert_array_equal(read_picture(written(tmp_path / name, grey.astype("f4"))), grey)

    def test_may_be_one_hdu_of_many(self, tmp_path, grey):
        path = tmp_path / "a.fits"
        fits.HDUList(
            [fits.PrimaryHDU(), *(fits.ImageHDU(g, name=n) for n, g in (("A", grey), ("B", grey // 2)))]
        ).writeto(path)
        np.testing.assert_array_equal(read_picture(parse_location(f"{path}[B]")), grey // 2)
        assert "holds 2 frames, a picture of a focal plane is one; name an HDU" in refusal(path)

    def test_has_the_size_of_its_camera(self, tmp_path, grey):
        path = written(tmp_path / "a.png", grey[:40, :56])
        assert read_picture(path, shape=(40, 56)).shape == (40, 56)


class TestRefusedIs:
    @pytest.mark.parametrize("name", ["a.png", "a.npy", "a.fits"])
    def test_another_size(self, tmp_path, grey, name):
        assert "is 399 x 400 pixels, not 400 x 400; give the picture of a whole focal plane" in refusal(
            written(tmp_path / name, grey[:, :399])
        )

    @pytest.mark.parametrize("name", ["a.png", "a.npy", "a.fits"])
    def test_a_16_bit_picture(self, tmp_path, grey, name):
        said = refusal(written(tmp_path / name, grey.astype(np.uint16) * 100))
        assert "has 16 bits a pixel" in said
        assert "scale it to 0 ... 255 and save it with 8 bits a pixel" in said

    @pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.npy"])
    def test_a_colour_picture(self, tmp_path, grey, name):
        said = refusal(written(tmp_path / name, np.dstack([grey, grey.T, grey])))
        assert "is a colour picture, its channels differ; give one band in grey" in said

    def test_a_colour_palette(self, tmp_path, grey):
        picture = Image.fromarray(grey)
        picture.putpalette([value % 256 for i in range(256) for value in (i, 2 * i, 0)])
        picture.save(tmp_path / "a.png")
        assert "is a colour picture" in refusal(tmp_path / "a.png")

    def test_a_transparent_picture(self, tmp_path, grey):
        assert "is partly transparent" in refusal(written(tmp_path / "a.png", np.dstack([grey, grey.T])))

    @pytest.mark.parametrize("value", [0.5, -1, 256, np.nan, np.inf])
    def test_what_are_no_grey_levels(self, tmp_path, value):
        pixels = np.full((400, 400), 7, np.float32)
        pixels[3, 4] = value
        assert "its numbers are not all whole and from 0 to 255" in refusal(
            written(tmp_path / "a.npy", pixels)
        )

    def test_a_fits_picture_with_pixels_missing(self, tmp_path):
        pixels = np.full((400, 400), 7, np.float32)
        pixels[3, 4] = np.nan
        said = refusal(written(tmp_path / "a.fits", pixels))
        assert "1 pixels have no value; fill them with 23, as gaps are" in said

    @pytest.mark.parametrize("pixels", [np.zeros((400, 400), bool), np.zeros((400, 400), complex)])
    def test_what_are_no_numbers(self, tmp_path, pixels):
        assert "not grey levels" in refusal(written(tmp_path / "a.npy", pixels))

    @pytest.mark.parametrize("shape", [(400,), (400, 400, 2), (3, 400, 400), (2, 2, 400, 400)])
    def test_what_is_no_picture(self, shape):
        with pytest.raises(SkysieveError, match="a picture has"):
            check_picture(np.zeros(shape, np.uint8), "a")

    @pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.npy"])
    def test_a_truncated_file(self, tmp_path, grey, name):
        path = written(tmp_path / name, grey)
        path.write_bytes(path.read_bytes()[:5000])
        assert "cannot be read as" in refusal(path)

    @pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.npy", "a.fits"])
    def test_a_file_of_something_else(self, tmp_path, name):
        (tmp_path / name).write_text("<html>404</html>")
        refusal(tmp_path / name)

    def test_a_pickle(self, tmp_path):
        np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
        assert "cannot be read as one NPY array" in refusal(tmp_path / "a.npy")

    @pytest.mark.parametrize("name", ["a.png", "a.fits"])
    def test_a_missing_file(self, tmp_path, name):
        assert "no such file" in refusal(tmp_path / name)

    def test_an_hdu_of_a_png(self, tmp_path, grey):
        path = written(tmp_path / "a.png", grey)
        assert "only FITS files have HDUs" in refusal(parse_location(f"{path}[1]"))

    def test_a_large_picture_before_it_takes_memory(self, tmp_path, monkeypatch, grey):
        path = written(tmp_path / "a.png", np.tile(grey, (1, 2)))
        path.write_bytes(path.read_bytes()[:5000])  # whoever decodes it finds that it is truncated
        assert "is 800 x 400 pixels" in refusal(path)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500 * 400)  # a warning, which is an error here
        assert "is 800 x 400 pixels" in refusal(path)

    def test_no_picture_of_the_right_size_for_being_large(self, tmp_path, monkeypatch, grey):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300 * 400)
        assert read_picture(written(tmp_path / "a.png", grey)).shape == (400, 400)


class TestAFileIsMeantAsAPicture:
    @pytest.mark.parametrize("name", ["a.png", "a.JPG", "a.jpeg", "a.npy"])
    def test_by_its_ending(self, tmp_path, name):
        assert is_picture(tmp_path / name)

    @pytest.mark.parametrize("name", ["a.fits", "a.fits.fz"])
    def test_if_it_is_fits_with_one_image_of_that_size(self, tmp_path, grey, name):
        path = written(tmp_path / name, grey.astype(np.int16))  # 16 bits are refused when it is read
        assert is_picture(path)
        assert not is_picture(path, shape=(40, 56))

    def test_if_its_location_names_such_an_image(self, tmp_path, grey):
        path = tmp_path / "a.fits"
        images = [fits.ImageHDU(grey, name="A"), fits.ImageHDU(np.tile(grey, 2), name="B")]
        fits.HDUList([fits.PrimaryHDU(), *images]).writeto(path)
        found = [
            is_picture(parse_location(f"{path}{hdu}")) for hdu in ("", "[1]", "[A]", "[A,1]", "[B]", "[9]")
        ]
        assert found == [False, True, True, True, False, False]

    def test_not_if_it_is_an_exposure_or_cannot_be_read(self, tmp_path):
        (tmp_path / "broken.fits").write_text("<html>")
        assert not is_picture(write_calibrated(tmp_path / "e.fits", sky()))
        assert not is_picture(tmp_path / "broken.fits")
        assert not is_picture(tmp_path / "missing.fits")


class TestThePublishedPictures:
    def level(self, picture, box):
        return float(np.median(picture[box.inside((400, 400))]))

    def test_are_read(self, pictures):
        assert len(pictures) == 25

    def test_light_the_boxes_of_the_table_to_the_pixel(self, pictures):
        typical = np.median(pictures, axis=0)
        for ccd in decam().ccds:
            if ccd.number in {2, 31, 61}:  # dead, partly or at times
                continue
            # from two pixels outside of the box to two inside; the real edge goes through a pixel
            rows, columns = ccd.picture_box.inside((400, 400))
            edges = [
                [np.median(typical[rows.start + i, columns]) for i in (-2, -1, 0, 1)],
                [np.median(typical[rows.stop - 1 - i, columns]) for i in (-2, -1, 0, 1)],
            ]
            if columns.start > 0:
                edges.append([np.median(typical[rows, columns.start + i]) for i in (-2, -1, 0, 1)])
            if columns.stop < 400:
                edges.append([np.median(typical[rows, columns.stop - 1 - i]) for i in (-2, -1, 0, 1)])
            for far, beside, edge, inner in edges:
                assert far < 28
                assert inner > 45
                assert edge > beside + 2

    def test_have_the_dead_ccds_at_the_level_of_gaps(self, pictures):
        ccds = decam().by_number
        blank = [self.level(picture, ccds[61].picture_box) == GAP_LEVEL for picture in pictures]
        assert all(blank)
        low = ccds[31].picture_box._replace(y0=ccds[31].picture_box.y0 + 15)
        assert all(self.level(picture, low) == GAP_LEVEL for picture in pictures)
        high = ccds[31].picture_box._replace(y1=ccds[31].picture_box.y0 + 14)
        assert np.mean([self.level(picture, high) > 30 for picture in pictures]) > 0.9
        # CCD 2 died in 2013 and came back in 2016
        assert 0 < sum(self.level(picture, ccds[2].picture_box) == GAP_LEVEL for picture in pictures) < 25
