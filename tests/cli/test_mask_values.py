"""``skysieve mask`` for other programs: ``--for``, ``--grow``, ``--value``, ``--gzip``."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from astropy.io import ascii as ascii_tables
from astropy.io import fits
from tests.cli.command import SHAPE, failure, sky, write
from tests.tiny_models import save_pixel_model

CR, SAT, BBG, NODATA = 1, 512, 4096, 8192
HIT = (10, 20)
needs_sextractor = pytest.mark.skipif(
    shutil.which("source-extractor") is None, reason="source-extractor is not installed"
)


@pytest.fixture(scope="session")
def source_model(tmp_path_factory):
    """A model to which every bright pixel is light of a source, too."""
    return save_pixel_model(
        tmp_path_factory.mktemp("models") / "sources", {"CR": 60, "SAT": 60, "BBG": 8, "BG": -1e4}
    )


@pytest.fixture
def mask(run, source_model):
    return lambda *arguments: run("mask", *arguments, "--model", source_model, "--priors", "none", "-q")


@pytest.fixture
def mosaic(tmp_path):
    """Two frames with errors, a table and a mask between them, as pipelines write them."""
    table = fits.BinTableHDU(np.zeros(3, [("x", "f4")]), name="CAT")
    errors = np.ones(SHAPE, np.float32)
    flags = np.zeros(SHAPE, np.int16)
    hdus = [("SCI", sky(0)), ("ERR", errors), table, ("DQ", flags), ("SCI", sky(1))]
    path = write(tmp_path / "mosaic.fits", *hdus)
    fits.setval(path, "EXTVER", value=2, ext=5)
    return path


class TestFlagImages:
    @pytest.mark.usefixtures("mosaic")
    @pytest.mark.parametrize("tool", ["sextractor", "weightwatcher"])
    def test_have_one_image_for_each_frame_and_no_other_hdu(self, mask, tool):
        assert mask("mosaic.fits", "--for", tool) == (0, "", "")
        with fits.open("mosaic.mask.fits", disable_image_compression=True, checksum=True) as hdus:
            assert [(hdu.name, hdu.ver) for hdu in hdus] == [("PRIMARY", 1), ("SCI", 1), ("SCI", 2)]
            assert hdus[0].data is None
            for hdu in hdus[1:]:
                assert hdu.data.dtype == np.dtype(">i2")
                assert hdu.data.shape == SHAPE
                assert "BZERO" not in hdu.header
            assert hdus[1].data[HIT] == hdus[2].data[11, 20] == CR + SAT

    def test_leave_the_light_of_sources_out(self, mask, tmp_path):
        write(tmp_path / "a.fits", sky())
        mask("a.fits", "-o", "all.fits")
        mask("a.fits", "-o", "flags.fits", "--for", "sextractor")
        mask("a.fits", "-o", "sat.fits", "--for", "sextractor", "--bad", "SAT")
        assert fits.getdata("all.fits", 1)[HIT] == CR + SAT + BBG
        with fits.open("flags.fits") as hdus:
            [image] = hdus
            assert np.argwhere(image.data).tolist() == [list(HIT)]
            assert image.data[HIT] == CR + SAT
            assert image.header["MP_SAT"] == 9
        assert fits.getdata("sat.fits")[HIT] == SAT

    @pytest.mark.parametrize(
        ("options", "value", "kind"),
        [
            (["--bits", "des"], 18, ">i2"),
            (["--value", "1"], 1, "u1"),
            (["--value", "1024"], 1024, ">i2"),
            (["--value", "40000"], 40_000, ">i4"),
        ],
    )
    def test_hold_other_values_without_bzero(self, mask, tmp_path, options, value, kind):
        write(tmp_path / "a.fits", sky())
        assert mask("a.fits", "--for", "sextractor", *options).code == 0
        with fits.open("a.mask.fits") as hdus:
            assert "BZERO" not in hdus[0].header
            assert hdus[0].data.dtype == np.dtype(kind)
            assert hdus[0].data[HIT] == value

    def test_of_one_plane_have_two_axes(self, mask, tmp_path):
        write(tmp_path / "a.fits", sky()[np.newaxis])
        assert mask("a.fits", "--for", "sextractor").code == 0
        assert fits.getdata("a.mask.fits").shape == SHAPE

    def test_of_cubes_are_refused_and_leave_nothing(self, mask, tmp_path):
        write(tmp_path / "a.fits", np.stack([sky(), sky()]))
        line = failure(mask("a.fits", "--for", "sextractor"))
        assert line.endswith(
            "a cube of 2 frames, and sextractor reads images of two axes; split the cube into images"
        )
        assert not (tmp_path / "a.mask.fits").exists()


@needs_sextractor
class TestSExtractor:
    """The program itself, on a frame with stars, one of which has a cosmic ray on it."""

    @pytest.fixture
    def extract(self, tmp_path):
        (tmp_path / "a.param").write_text("X_IMAGE\nY_IMAGE\nIMAFLAGS_ISO\nEXT_NUMBER\n")

        def extract(frame, flags):
            settings = {
                "PARAMETERS_NAME": "a.param",
                "FILTER": "N",
                "CATALOG_TYPE": "ASCII_HEAD",
                "CATALOG_NAME": "a.cat",
                "FLAG_IMAGE": flags,
                "FLAG_TYPE": "OR",
                "BACK_SIZE": 32,
                "DETECT_THRESH": 10,
                "VERBOSE_TYPE": "QUIET",
            }
            words = [word for name, value in settings.items() for word in (f"-{name}", str(value))]
            done = subprocess.run(
                ["source-extractor", str(frame), "-c", "/dev/null", *words],
                capture_output=True,
                text=True,
                check=False,
                cwd=tmp_path,
            )
            return done, tmp_path / "a.cat"

        return extract

    @pytest.fixture(autouse=True)
    def stars(self, tmp_path):
        def field(seed):
            pixels = np.random.default_rng(seed).normal(500, 5, SHAPE)
            rows, columns = np.indices(SHAPE)
            for row, column in ((20, 30), (45, 90), (70, 40)):
                pixels += 200 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 4)
            pixels[44:47, 90 + seed] = 1500
            return pixels.astype(np.float32)

        write(tmp_path / "one.fits", field(0))
        write(tmp_path / "two.fits", ("A", field(0)), ("B", field(1)))

    def read(self, path):
        return ascii_tables.read(path, format="sextractor")

    def test_flags_the_star_that_is_hit_and_no_other(self, mask, extract):
        mask("one.fits", "--for", "sextractor")
        done, catalogue = extract("one.fits", "one.mask.fits")
        assert done.returncode == 0, done.stderr
        found = self.read(catalogue)
        hit = np.abs(found["Y_IMAGE"] - 46) < 3
        assert len(found) == 3
        assert (found["IMAFLAGS_ISO"][hit] == CR + SAT).all()
        assert (found["IMAFLAGS_ISO"][~hit] == 0).all()

    def test_takes_the_images_in_their_order(self, mask, extract):
        mask("two.fits", "--for", "sextractor")
        done, catalogue = extract("two.fits", "two.mask.fits")
        assert done.returncode == 0, done.stderr
        found = self.read(catalogue)
        assert [(found["IMAFLAGS_ISO"][found["EXT_NUMBER"] == n] != 0).sum() for n in (1, 2)] == [1, 1]

    def test_takes_the_flags_that_python_makes(self, extract, source_model, tmp_path):
        import skysieve

        result = skysieve.mask(tmp_path / "one.fits", model=str(source_model), priors=None)
        result.to_flag_image().writeto(tmp_path / "flags.fits")
        done, catalogue = extract("one.fits", "flags.fits")
        assert done.returncode == 0, done.stderr
        assert sorted(self.read(catalogue)["IMAFLAGS_ISO"]) == [0, 0, CR + SAT]

    def test_refuses_the_compressed_mask(self, mask, extract):
        """Why the option is there; the day that this fails the page on other tools is to be changed."""
        mask("one.fits")
        done, _ = extract("one.fits", "one.mask.fits")
        assert done.returncode != 0
        assert "Unknown TFORM" in done.stderr


class TestValue:
    @pytest.mark.parametrize(("value", "kind"), [(1, "uint8"), (1024, "uint16"), (70_000, "int32")])
    @pytest.mark.parametrize("name", ["a.mask.fits", "a.mask.fits.gz"])
    def test_is_that_of_bad_pixels_and_no_others(self, mask, tmp_path, value, kind, name):
        pixels = sky()
        pixels[40:44, 30:34] = np.nan
        write(tmp_path / "a.fits", pixels)
        assert mask("a.fits", "--value", value, "-o", name) == (0, "", "")
        expected = np.zeros(SHAPE, kind)
        expected[HIT] = expected[40:44, 30:34] = value
        with fits.open(name, checksum=True) as hdus:
            assert hdus[-1].data.dtype.newbyteorder("=") == np.dtype(kind)
            np.testing.assert_array_equal(hdus[-1].data, expected)
            assert hdus[-1].header["BADVALUE"] == value
            assert "classes CR, HCL" in str(hdus[-1].header["HISTORY"])

    def test_is_that_of_the_classes_asked_for(self, mask, tmp_path):
        pixels = sky()
        pixels[50, 60] = 500 + 5 * 15  # a source, but no cosmic ray
        write(tmp_path / "a.fits", pixels)
        mask("a.fits", "--value", "1", "--bad", "BBG")
        assert np.argwhere(fits.getdata("a.mask.fits")).tolist() == [list(HIT), [50, 60]]

    def test_makes_what_the_wrapper_of_unions_writes(self, mask, tmp_path):
        """Bad pixels 5 x 5 larger, 0 and 1024 in unsigned 16 bits, packed by gzip."""
        write(tmp_path / "tile.fits", sky())
        assert mask("tile.fits", "--grow", "2", "--value", "1024", "--gzip").code == 0
        assert (tmp_path / "tile.mask.fits.gz").read_bytes()[:2] == b"\x1f\x8b"
        found = fits.getdata("tile.mask.fits.gz")
        assert found.dtype == np.uint16
        expected = np.zeros(SHAPE, int)
        expected[8:13, 18:23] = 1024
        np.testing.assert_array_equal(found, expected)


class TestGrowth:
    def test_is_that_of_each_class_and_named_in_the_header(self, mask, tmp_path):
        write(tmp_path / "a.fits", sky())
        assert mask("a.fits", "--grow", "1", "--grow", "SAT=3").code == 0
        bits = fits.getdata("a.mask.fits", 1)
        assert [int(((bits & code) != 0).sum()) for code in (CR, SAT, BBG)] == [9, 49, 1]
        assert "grow = 1,SAT=3" in str(fits.getheader("a.mask.fits", 1)["HISTORY"])

    @pytest.mark.parametrize(("form", "count"), [("cube", 9), ("single", 9)])
    def test_is_part_of_other_formats(self, mask, tmp_path, form, count):
        write(tmp_path / "a.fits", sky())
        assert mask("a.fits", "--grow", "CR=1", "--format", form).code == 0
        data = fits.getdata("a.masks.fits")
        assert ((data[0] if form == "cube" else data & CR) != 0).sum() == count

    def test_does_not_change_the_fractions_of_the_table(self, mask, tmp_path):
        from astropy.table import QTable

        write(tmp_path / "a.fits", sky())
        mask("a.fits", "--grow", "5", "--table", "t.ecsv")
        assert QTable.read("t.ecsv")["CR"].value == pytest.approx(1 / 10_800)


class TestGzip:
    @pytest.mark.parametrize(
        ("options", "name"),
        [
            (["--gzip"], "a.mask.fits.gz"),
            (["--gzip", "-o", "m/"], "m/a.mask.fits.gz"),
            (["--gzip", "-o", "{stem}.x.fits.gz"], "a.x.fits.gz"),
            (["--gzip", "--format", "single"], "a.masks.fits.gz"),
            (["-o", "{stem}.fit.gz"], "a.fit.gz"),
        ],
    )
    def test_names_the_mask_and_packs_it_once(self, mask, tmp_path, options, name):
        write(tmp_path / "a.fits", sky())
        assert mask("a.fits", *options) == (0, "", "")
        assert (tmp_path / name).read_bytes()[:2] == b"\x1f\x8b"
        with fits.open(name, disable_image_compression=True) as hdus:
            assert [type(hdu) for hdu in hdus] == [fits.PrimaryHDU]
            assert hdus[0].data[HIT] & CR
        assert mask("a.fits", *options, "--resume").code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--for", "sextractor", "--format", "cube"], "--for sextractor does not go with --format cube"),
        (["--for", "sextractor", "--compression", "GZIP_2"], "does not go with --compression GZIP_2"),
        (["--value", "0"], "--value 0: expected 1 to 2147483647"),
        (["--value", "1", "--bits", "des"], "--value does not go with --bits"),
        (["--value", "1", "--format", "single"], "--value does not go with --format single"),
        (["--grow", "x"], "growth 'x': 'x' is not a whole number"),
        (["--grow", "1", "--format", "probabilities"], "--grow does not go with --format probabilities"),
        (["--grow", "TRL=1", "--classes", "CR"], "--grow TRL: this class is not asked for"),
        (["--value", "40000", "--compression", "PLIO_1"], "PLIO_1 cannot compress this mask"),
    ],
)
def test_what_does_not_go_together_is_one_line(mask, tmp_path, options, message):
    write(tmp_path / "a.fits", sky())
    assert message in failure(mask("a.fits", *options))
    assert not list(tmp_path.glob("a.*mask*"))
