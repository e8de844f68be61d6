"""``skysieve mask``: what it writes, where, and what its options change."""

from __future__ import annotations

import bz2
import gzip
import os

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from PIL import Image
from tests.cli.command import LEVEL, NOISE, SHAPE, failure, leftovers, sky, write
from tests.tiny_models import save_pixel_model

from skysieve.core.fits.bitplanes import MaskSchema

CR, SAT, NODATA = 1, 512, 8192


@pytest.fixture
def mask(run, pixel_model):
    """Run ``skysieve mask`` with the tiny model, whose posteriors are taken as they are."""

    def mask(*arguments, priors="none"):
        return run("mask", *arguments, "--model", pixel_model, "--priors", priors)

    return mask


def bits(path, hdu=1):
    return fits.getdata(path, hdu)


class TestProduct:
    def test_lies_beside_the_frame_and_is_named(self, mask, tmp_path):
        write(tmp_path / "a.fits", sky())
        result = mask("a.fits")
        assert result.code == 0
        assert result.err == ""
        first, second = result.out.splitlines()
        assert first.startswith("a.fits -> a.mask.fits (")
        assert second == "  [0] 120 x 90: CR 0.00926%, SAT 0.00926%"
        expected = np.zeros(SHAPE, np.int16)
        expected[10, 20] = CR + SAT
        np.testing.assert_array_equal(bits("a.mask.fits"), expected)
        assert not leftovers(tmp_path)

    @pytest.mark.parametrize(
        ("path", "output", "product"),
        [
            ("n/a.fits", None, "n/a.mask.fits"),
            ("n/a.fits", "masks/", "masks/a.mask.fits"),
            ("n/a.fits", "there", "there/a.mask.fits"),
            ("n/a.fits", "{stem}-m.fits", "a-m.fits"),
            ("n/a.fits", "{dir}/m/{name}", "n/m/a.fits"),
            ("n/a.fits[1]", None, "n/a.mask1.fits"),
            ("n/a.fits[SCI]", None, "n/a.maskSCI.fits"),
            ("n/a.fits[sci,1]", "{stem}_{hdu}.fits", "a_sci1.fits"),
            ("n/a.fits", "{stem}.fits.gz", "a.fits.gz"),
        ],
    )
    def test_goes_where_the_output_says(self, mask, tmp_path, path, output, product):
        (tmp_path / "there").mkdir()
        write(tmp_path / "n/a.fits", ("SCI", sky()))
        result = mask(path, *(() if output is None else ("-o", output)))
        assert result.out.startswith(f"{path} -> {product} (")
        assert bits(product)[10, 20] == CR + SAT

    def test_keeps_the_structure_of_its_source(self, mask, tmp_path):
        table = fits.BinTableHDU(np.zeros(3, [("x", "f4")]), name="CAT")
        write(tmp_path / "a.fits", ("N1", sky(1)), table, ("BPM", np.zeros(SHAPE, "u1")), ("N2", sky(2)))
        assert mask("a.fits").code == 0
        with fits.open("a.mask.fits") as hdus:
            assert [hdu.name for hdu in hdus] == ["PRIMARY", "N1", "CAT", "BPM", "N2"]
            assert [hdus[name].data[10 + seed, 20] for seed, name in ((1, "N1"), (2, "N2"))] == [513, 513]
            assert len(hdus["CAT"].data) == 3
            assert hdus["BPM"].data is None
            assert MaskSchema.from_header(hdus["N1"].header).interpret(513) == ("CR", "SAT")

    @pytest.mark.parametrize(
        ("form", "suffix", "shape", "kind"),
        [
            ("cube", "masks", (14, *SHAPE), "u1"),
            ("single", "masks", SHAPE, "i2"),
            ("probabilities", "probabilities", (14, *SHAPE), "f4"),
        ],
    )
    def test_has_the_format_asked_for(self, mask, tmp_path, *, form, suffix, shape, kind):
        write(tmp_path / "a.fits", sky())
        assert mask("a.fits", "--format", form).code == 0
        data = fits.getdata(f"a.{suffix}.fits")
        assert data.shape == shape
        assert data.dtype.newbyteorder("=") == np.dtype(kind)

    @pytest.mark.parametrize("compression", ["PLIO_1", "GZIP_2", "none"])
    def test_has_the_compression_asked_for(self, mask, tmp_path, compression):
        write(tmp_path / "a.fits", sky())
        assert mask("a.fits", "--compression", compression).code == 0
        with fits.open("a.mask.fits") as hdus:
            found = getattr(hdus[-1], "compression_type", "none")
            assert found == compression
            assert hdus[-1].data[10, 20] == CR + SAT

    @pytest.mark.parametrize(("survey", "value"), [("des", 2 + 16), ("noirlab", 3)])
    def test_has_the_bits_of_another_survey(self, mask, tmp_path, survey, value):
        write(tmp_path / "a.fits", sky())
        assert mask("a.fits", "--bits", survey).code == 0
        assert bits("a.mask.fits")[10, 20] == value

    def test_has_a_picture_of_each_frame_if_asked(self, mask, tmp_path):
        write(tmp_path / "a.fits", sky())
        write(tmp_path / "b.fits", ("A", sky()), ("B", sky(1)))
        result = mask("a.fits", "b.fits", "--preview")
        pictures = ["a.mask.png", "b.mask.1.png", "b.mask.2.png"]
        assert [line.strip() for line in result.out.splitlines() if "preview" in line] == [
            f"preview: {name}" for name in pictures
        ]
        for name in pictures:
            with Image.open(name) as picture:
                assert picture.format == "PNG"

    def test_is_not_mentioned_when_quiet(self, mask, tmp_path):
        write(tmp_path / "a.fits", sky())
        assert mask("a.fits", "-q") == (0, "", "")
        assert (tmp_path / "a.mask.fits").exists()


class TestSource:
    @pytest.mark.parametrize(
        "form", ["u1", "i2", "u2", "i4", "f8", "cube", "fits.gz", "fits.bz2", "fits.fz", "FIT", "32 px"]
    )
    def test_of_any_kind_is_masked(self, mask, tmp_path, form):
        pixels = sky(shape=(32, 32) if form == "32 px" else SHAPE)
        path = tmp_path / ("a.FIT" if form == "FIT" else "a.fits")
        if form == "u1":
            # bytes hold neither the level nor the noise of the others
            pixels = (pixels - LEVEL) / 2 + 20
        if form in ("u1", "i2", "u2", "i4", "f8"):
            pixels = pixels.round().clip(0, 1000 if form != "u1" else 255).astype(form)
        write(path, np.stack([pixels, pixels]) if form == "cube" else pixels)
        if form in ("fits.gz", "fits.bz2"):
            packed = (gzip if form == "fits.gz" else bz2).compress(path.read_bytes())
            path = path.with_name(f"a.{form}")
            path.write_bytes(packed)
        if form == "fits.fz":
            path = path.with_name("a.fits.fz")
            write(path, fits.CompImageHDU(pixels, quantize_level=16))
        result = mask(path.name)
        assert result.code == 0, result
        found = bits("a.mask.fits")
        for plane in found if form == "cube" else [found]:
            assert np.argwhere(plane).tolist() == [[10, 20]]

    def test_may_be_many_at_once(self, mask, tmp_path):
        for name in ("d/a.fits", "d/b.fits", "e/c.fits", "f.fits"):
            write(tmp_path / name, sky())
        (tmp_path / "x.list").write_text("f.fits\n")
        result = mask("d", "e/*.fits", "@x.list", "f.fits", "-q", "-o", "out/")
        assert result == (0, "", "")
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
            f"{stem}.mask.fits" for stem in "abcf"
        ]

    def test_leaves_the_masks_of_an_earlier_run_alone(self, mask, tmp_path):
        write(tmp_path / "a.fits", sky())
        assert mask(".").code == 0
        assert mask(".", "--overwrite").out.count("->") == 1

    def test_that_is_a_mask_is_refused_whatever_its_name(self, mask, tmp_path):
        write(tmp_path / "a.fits", sky())
        mask("a.fits", "-o", "b.fits")
        assert "product of Skysieve" in failure(mask("b.fits"))

    def test_lists_the_images_that_are_left_out(self, mask, tmp_path):
        write(tmp_path / "a.fits", ("N1", sky()), ("WEIGHT", sky()), ("M1", (sky() > LEVEL).astype("u1")))
        result = mask("a.fits")
        assert result.code == 0
        assert "  left out: [2] WEIGHT (weights by its name), [3] M1 (mask by its pixels" in result.out
        assert "WARNING: a.fits[3]: left out: mask by its pixels" in result.err
        assert "left out" not in mask("a.fits[WEIGHT]").out

    @pytest.mark.parametrize("hdu", ["FLAG", "2"])
    def test_may_have_a_mask_of_its_own(self, mask, tmp_path, hdu):
        flags = np.zeros(SHAPE, np.uint8)
        flags[:20] = 4
        write(tmp_path / "a.fits", ("SCI", sky()), ("FLAG", flags))
        result = mask("a.fits", "--mask-hdu", hdu)
        assert "NODATA 22.2%" in result.out
        found = bits("a.mask.fits")
        assert (found[:20] == NODATA).all()
        assert not found[20:].any()

    def test_may_have_a_mask_of_several_planes(self, mask, tmp_path):
        flags = np.zeros(SHAPE, np.int32)
        flags[:20], flags[:, :30] = 1, 32
        hdu = fits.ImageHDU(flags, name="MASK")
        hdu.header.update({"MP_BAD": 0, "HIERARCH MP_DETECTED": 5})
        write(tmp_path / "a.fits", ("IMAGE", sky()), hdu)
        result = mask("a.fits", "--mask-hdu", "MASK")
        assert "  no data: [2] MASK: bits BAD of its header" in result.out
        assert (bits("a.mask.fits") == NODATA)[:, 60].sum() == 20
        assert any("no data = [2] MASK" in line for line in fits.getheader("a.mask.fits", 1)["HISTORY"])
        mask("a.fits", "--mask-hdu", "MASK", "--mask-bits", "DETECTED,BAD", "--overwrite")
        assert (bits("a.mask.fits") == NODATA)[50].sum() == 30
        assert "it has BAD, DETECTED" in failure(
            mask("a.fits", "--mask-hdu", "2", "--mask-bits", "SAT", "-o", "b/")
        )

    @pytest.mark.parametrize("kind", ["NaN", "BLANK"])
    def test_without_data_somewhere_has_them_marked_and_nothing_else_changed(self, mask, tmp_path, kind):
        pixels = sky().astype(np.float32 if kind == "NaN" else np.int16)
        missing = np.zeros(SHAPE, bool)
        missing[40:60, 30:70] = True
        hdu = fits.PrimaryHDU(np.where(missing, np.nan if kind == "NaN" else -1, pixels).astype(pixels.dtype))
        if kind == "BLANK":
            hdu.header["BLANK"] = -1
        hdu.writeto(tmp_path / "a.fits")
        assert mask("a.fits").code == 0
        expected = np.where(missing, NODATA, 0)
        expected[10, 20] = CR + SAT
        np.testing.assert_array_equal(bits("a.mask.fits"), expected)


class TestDecisions:
    @pytest.fixture(autouse=True)
    def frame(self, tmp_path):
        """A pixel of 100 sigma, which is CR and SAT to the model, and one of 20.2, half way to CR."""
        pixels = sky()
        pixels[50, 60] = LEVEL + 20.2 * NOISE
        write(tmp_path / "a.fits", pixels)

    @pytest.mark.parametrize(
        ("options", "bright", "faint"),
        [
            ([], CR + SAT, CR),
            (["--classes", "SAT"], SAT, 0),
            (["--classes", "trl, cr"], CR, CR),
            (["--classes", "BG"], 0, 0),
            (["--threshold", "CR=0.99"], CR + SAT, 0),
            (["--threshold", "cr=0.99", "--threshold", "SAT=1"], CR, 0),
        ],
    )
    def test_follow_classes_and_thresholds(self, mask, options, bright, faint):
        assert mask("a.fits", *options).code == 0
        found = bits("a.mask.fits")
        assert (found[10, 20], found[50, 60]) == (bright, faint)

    @pytest.mark.parametrize(("prior", "faint"), [("CR=0.0001", 0), ("CR=0.01", CR), ("cr=0.5", CR)])
    def test_follow_priors(self, mask, prior, faint):
        assert mask("a.fits", "--prior", prior, priors="default").code == 0
        assert bits("a.mask.fits")[50, 60] == faint
        value = float(prior.partition("=")[2])
        assert fits.getheader("a.mask.fits", 1)["PRI_CR"] == pytest.approx(value)

    def test_say_which_bits_are_bad(self, mask):
        mask("a.fits", "-o", "1/")
        mask("a.fits", "-o", "2/", "--bad", "SAT, neb")
        headers = [fits.getheader(f"{folder}/a.mask.fits", 1) for folder in "12"]
        assert [header["BADBITS"] for header in headers] == [16383 - 128 - 256 - 4096, NODATA + SAT + 256]
        assert "BG cannot be bad" in failure(mask("a.fits", "--bad", "BG"))

    def test_follow_a_folder_of_configuration_files_and_options_over_it(self, mask, tmp_path):
        names = ("CR", "HCL", "DCL", "HP", "DP", "P", "STL", "FR", "NEB", "SAT", "SP", "OV", "BBG", "BG")
        folder = tmp_path / "config"
        folder.mkdir()
        (folder / "classes.flags").write_text("".join(f"{name} {int(name == 'CR')}\n" for name in names))
        (folder / "classes.thresh").write_text("".join(f"{name} 0.99\n" for name in names))
        mask("a.fits", "--config-dir", "config", "-o", "1/")
        mask("a.fits", "--config-dir", "config", "--threshold", "CR=0.1", "-o", "2/")
        mask("a.fits", "--config-dir", "config", "--classes", "SAT", "-o", "3/")
        found = [bits(f"{folder}/a.mask.fits") for folder in "123"]
        assert [tuple(mask[[10, 50], [20, 60]]) for mask in found] == [(CR, 0), (CR, CR), (SAT, 0)]

    def test_say_in_the_header_what_they_used(self, mask):
        mask("a.fits", "-o", "none/")
        mask("a.fits", "-o", "auto/", priors="auto")
        none, auto = (fits.getheader(f"{kind}/a.mask.fits", 1) for kind in ("none", "auto"))
        assert "PRI_CR" not in none
        assert none["THR_CR"] == 0.5
        # one pixel of CR among 10 800, the other being doubtful, and every pixel of the background
        assert auto["PRI_CR"] == pytest.approx(1 / 10_800, rel=0.2)
        assert auto["PRI_BG"] > 0.99
        assert any("priors = auto" in line for line in auto["HISTORY"])


class TestEarlierProducts:
    @pytest.fixture
    def frames(self, tmp_path, mask):
        """Two frames, of which the first has a mask that is a little newer."""
        for seed, name in enumerate("ab"):
            write(tmp_path / f"{name}.fits", sky(seed))
        assert mask("a.fits").code == 0
        return tmp_path

    def test_are_kept_unless_told_otherwise(self, mask, frames):
        (frames / "a.mask.fits").write_bytes(b"precious")
        line = failure(mask("a.fits"))
        assert line == "a.fits: a.mask.fits exists; use --overwrite or another --output"
        assert (frames / "a.mask.fits").read_bytes() == b"precious"
        assert mask("a.fits", "--overwrite").code == 0
        assert bits("a.mask.fits")[10, 20] == CR + SAT

    def test_are_not_made_again_by_resume(self, mask, frames):
        def written():  # to look whether it is intact changes the time of access, and nothing else
            found = (frames / "a.mask.fits").stat()
            return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

        before = written()
        result = mask("a.fits", "b.fits", "--resume")
        assert result.code == 0
        assert result.out.startswith("1 of 2 files are done already\nb.fits -> b.mask.fits (")
        assert written() == before

    @pytest.mark.parametrize("defect", ["damaged", "truncated", "older", "missing"])
    def test_are_made_again_by_resume_where_they_are_not_good(self, mask, frames, defect):
        product = frames / "a.mask.fits"
        content = product.read_bytes()
        if defect == "older":
            os.utime(product, (1, 1))
        elif defect == "missing":
            product.unlink()
        else:
            flipped = content[:-2000] + bytes([content[-2000] ^ 255]) + content[-1999:]
            product.write_bytes(content[:4000] if defect == "truncated" else flipped)
        result = mask("a.fits", "--resume")
        assert result.code == 0
        assert "done already" not in result.out
        assert bits(product)[10, 20] == CR + SAT


class TestProductsInEachOthersWay:
    @pytest.fixture(autouse=True)
    def frames(self, tmp_path):
        for seed, name in enumerate("ab"):
            write(tmp_path / f"{name}.fits", sky(seed))

    def test_are_refused_at_once_where_all_would_be_one(self, mask, tmp_path):
        line = failure(mask("a.fits", "b.fits", "-o", "x.fits"))
        assert line.startswith("x.fits would be the product of each of 2 files; name {stem}")
        assert not (tmp_path / "x.fits").exists()

    def test_fail_all_but_the_first(self, mask, tmp_path):
        (tmp_path / "a.fits.gz").write_bytes(gzip.compress((tmp_path / "a.fits").read_bytes()))
        result = mask(".")
        assert result.code == 1
        assert (
            "error: a.fits.gz: its product would be a.mask.fits, as that of a.fits; name {name}" in result.err
        )
        assert "1 failed, 2 done" in result.err

    def test_never_replace_a_frame(self, mask, tmp_path):
        (tmp_path / "a.fits.gz").write_bytes(gzip.compress((tmp_path / "a.fits").read_bytes()))
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        result = mask("a.fits", "b.fits[0]", tmp_path / "a.fits.gz", "-o", "{stem}.fits", "--overwrite")
        assert result.code == 1
        assert "b.fits[0]: its product would replace b.fits[0]; choose another --output" in result.err
        assert "a.fits.gz: its product would replace a.fits;" in result.err
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
        assert "a.fits: its product would replace a.fits;" in failure(
            mask("a.fits", "-o", "a.fits", "--overwrite")
        )
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


class TestTable:
    def test_has_a_row_for_each_frame(self, mask, tmp_path):
        write(tmp_path / "a.fits", ("N1", sky(1)), ("N2", sky(2)))
        write(tmp_path / "b.fits", np.stack([sky(), sky()]))
        result = mask("a.fits", "b.fits", "--table", "t/found.ecsv")
        assert result.out.endswith("table: t/found.ecsv\n")
        table = QTable.read("t/found.ecsv")
        assert list(table["file"]) == ["a.fits", "a.fits", "b.fits", "b.fits"]
        assert list(table["name"][:2]) == ["N1", "N2"]
        assert list(table["plane"]) == [0, 0, 1, 2]
        np.testing.assert_allclose(table["CR"].value, 1 / 10_800)

    def test_that_is_there_is_kept_before_any_work_is_done(self, mask, tmp_path):
        write(tmp_path / "a.fits", sky())
        (tmp_path / "t.ecsv").write_text("precious")
        assert failure(mask("a.fits", "--table", "t.ecsv")).startswith("t.ecsv exists")
        assert not (tmp_path / "a.mask.fits").exists()
        assert mask("a.fits", "--table", "t.ecsv", "--overwrite").code == 0
        assert len(QTable.read("t.ecsv")) == 1

    def test_is_added_to_by_resume(self, mask, tmp_path):
        for seed, name in enumerate("ab"):
            write(tmp_path / f"{name}.fits", sky(seed))
        assert mask("a.fits", "--table", "t.ecsv").code == 0
        assert mask(".", "--table", "t.ecsv", "--resume").code == 0
        assert list(QTable.read("t.ecsv")["file"]) == ["a.fits", "b.fits"]
        (tmp_path / "b.mask.fits").unlink()
        assert mask(".", "--table", "t.ecsv", "--resume").code == 0
        assert list(QTable.read("t.ecsv")["file"]) == ["a.fits", "b.fits"]


@pytest.mark.usefixtures("files")
class TestTrails:
    """``--trails``: one table of the trails of all frames; ``--trail-wings``: wider masks."""

    @pytest.fixture
    def files(self, tmp_path):
        rows, columns = np.mgrid[:90, :120]
        for seed, name in enumerate("ab"):
            pixels = np.random.default_rng(seed).normal(LEVEL, NOISE, SHAPE).astype(np.float32)
            across = (rows - 45) * np.cos(0.4) - (columns - 60) * np.sin(0.4)
            pixels += 50 * NOISE * np.exp(-(across**2) / 4)
            write(tmp_path / f"{name}.fits", pixels.astype(np.float32))

    @pytest.fixture
    def trails(self, run, tmp_path):
        model = str(save_pixel_model(tmp_path / "tiny", {"CR": 1000, "TRL": 10, "BG": -1e4}))
        return lambda *arguments: run("mask", *arguments, "--model", model, "--priors", "none")

    def test_one_table_has_the_trails_of_all_frames(self, trails):
        result = trails("a.fits", "b.fits", "--trails", "t/trails.ecsv")
        assert result.code == 0, result
        assert result.out.endswith("trails: t/trails.ecsv\n")
        assert ", 1 trail\n" in result.out
        table = QTable.read("t/trails.ecsv")
        assert list(table["file"]) == ["a.fits", "b.fits"]
        assert list(table["trail"]) == [1, 2]
        assert all(table["border1"] & table["border2"])
        np.testing.assert_allclose(table["width"].value, 3.33, atol=0.3)
        np.testing.assert_allclose(table["angle"].value, np.degrees(0.4), atol=0.3)

    def test_the_table_is_extended_only_where_that_is_asked_for(self, trails):
        assert trails("a.fits", "--trails", "t.ecsv").code == 0
        assert failure(trails("b.fits", "--trails", "t.ecsv")).startswith("t.ecsv exists")
        assert trails("a.fits", "b.fits", "--trails", "t.ecsv", "--resume").code == 0
        assert list(QTable.read("t.ecsv")["trail"]) == [1, 2]

    def test_wings_widen_the_mask_and_the_header_says_so(self, trails):
        assert trails("a.fits", "-o", "narrow.fits").code == 0
        assert trails("a.fits", "-o", "wide.fits", "--trail-wings", "0.2").code == 0
        narrow, wide = ((bits(path) & 64) != 0 for path in ("narrow.fits", "wide.fits"))
        assert wide[narrow].all()
        assert wide.sum() > 1.5 * narrow.sum()
        assert "trails masked to = 0.2 sigma" in str(fits.getheader("wide.fits", 1)["HISTORY"])

    @pytest.mark.parametrize(
        ("options", "line"),
        [
            (("--trails", "t.ecsv", "--classes", "CR"), "--trails needs the class TRL; add it to --classes"),
            (("--trail-wings", "0.1", "--classes", "CR"), "--trails needs the class TRL"),
        ],
    )
    def test_what_cannot_be_done_is_said_before_any_work(self, trails, options, line):
        assert failure(trails("a.fits", *options)).startswith(line)


class TestWeights:
    """``--weight``: maps for SWarp and SExtractor beside each mask."""

    def test_confidence_is_0_in_bad_pixels_only(self, mask, tmp_path):
        write(tmp_path / "a.fits", sky())
        result = mask("a.fits", "--weight", "confidence")
        assert result.code == 0, result
        assert result.out.endswith("  weights: a.weight.fits\n")
        weights, header = fits.getdata("a.weight.fits"), fits.getheader("a.weight.fits")
        assert weights.dtype == np.dtype(">f4")
        np.testing.assert_array_equal(weights == 0, bits("a.mask.fits") != 0)
        assert set(np.unique(weights)) == {0, 1}
        assert header["WGTKIND"] == "confidence"
        assert header["CREATOR"].startswith("skysieve ")
        assert not leftovers(tmp_path)

    def test_variance_is_that_of_the_sky(self, mask, tmp_path):
        write(tmp_path / "a.fits", ("N1", sky(1)), ("N2", 2 * sky(2)))
        assert mask("a.fits", "--weight", "variance", "--grow", "1").code == 0
        with fits.open("a.weight.fits") as hdus:
            assert [hdu.name for hdu in hdus[1:]] == ["N1", "N2"]
            for hdu, noise in zip(hdus[1:], (NOISE, 2 * NOISE), strict=True):
                weights = hdu.data
                assert (weights == 0).sum() == 9
                np.testing.assert_allclose(weights[weights > 0], noise**-2, rtol=0.2)
                assert hdu.header["CHECKSUM"]

    def test_probability_is_that_of_the_worst_class(self, mask, tmp_path):
        pixels = sky()
        pixels[40, 50:60] = LEVEL + NOISE * np.arange(17, 22, 0.5)
        write(tmp_path / "a.fits", pixels)
        assert mask("a.fits", "--weight", "probability", "-o", "m/").code == 0
        assert mask("a.fits", "--format", "probabilities", "-o", "p.fits").code == 0
        weights, marked = fits.getdata("m/a.weight.fits"), bits("m/a.mask.fits") != 0
        worst = fits.getdata("p.fits").squeeze()[:-2].max(axis=0)  # not of sources and background
        np.testing.assert_allclose(weights[~marked], 1 - worst[~marked], atol=1e-6)
        assert (weights[marked] == 0).all()
        assert 0 < weights[~marked].min() < 0.95

    def test_weights_are_no_frames(self, mask, tmp_path):
        write(tmp_path / "a.fits", sky())
        assert mask("a.fits", "--weight", "confidence").code == 0
        result = mask(".", "--overwrite")
        assert result.code == 0
        assert result.out.count(" -> ") == 1
