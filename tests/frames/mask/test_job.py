"""Files through the job: products that keep the structure of their source."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from tests.tiny_models import save_pixel_model

from skysieve.core.errors import ConfigError, FrameError, ModelError, OutputError
from skysieve.core.fits.bitplanes import MaskSchema
from skysieve.core.fits.locations import Location
from skysieve.core.models.card import CARD_FILE, read_model
from skysieve.core.tables.result_table import write_table
from skysieve.frames.mask.job import MaskJob
from skysieve.frames.mask.settings import MaskSettings
from skysieve.frames.mask.table import fractions_table


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(
        save_pixel_model(tmp_path_factory.mktemp("models") / "tiny", {"CR": 20, "SAT": 60, "BG": -1e4})
    )


def sky(seed=0, shape=(90, 120)):
    pixels = np.random.default_rng(seed).normal(500, 5, shape).astype(np.float32)
    pixels[seed + 10, 20] = 500 + 5 * 100
    return pixels


def science_header():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [150.1, 2.2]
    wcs.wcs.crpix = [60.5, 45.5]
    wcs.wcs.cdelt = [-1e-4, 1e-4]
    return wcs.to_header()


@pytest.fixture
def mosaic(tmp_path):
    """Two science HDUs, a table between them, and an image that is none of the sky."""
    primary = fits.PrimaryHDU()
    primary.header["OBSERVER"] = "E. Hubble"
    table = fits.BinTableHDU.from_columns([fits.Column("id", "J", array=[1, 2, 3])], name="CATALOG")
    hdus = [
        primary,
        fits.ImageHDU(sky(1), science_header(), name="N1"),
        table,
        fits.ImageHDU(np.ones((90, 120), np.int16), name="BPM"),
        fits.ImageHDU(sky(2).astype(np.int32), science_header(), name="S7"),
    ]
    path = tmp_path / "mosaic.fits"
    fits.HDUList(hdus).writeto(path)
    return path


def run(path, model, hdu=None, **options):
    job = MaskJob(MaskSettings(model=model, priors=None), **options)
    return job.run(Location(path, hdu))


def found(data):
    return [tuple(int(i) for i in place) for place in np.argwhere(data)]


class TestBits:
    def test_keep_order_names_tables_and_the_primary_header(self, mosaic, model):
        record = run(mosaic, model)
        assert record.product == mosaic.with_name("mosaic.mask.fits")
        with fits.open(record.product) as product:
            assert [hdu.name for hdu in product] == ["PRIMARY", "N1", "CATALOG", "BPM", "S7"]
            assert product[0].header["OBSERVER"] == "E. Hubble"
            assert product["CATALOG"].data["id"].tolist() == [1, 2, 3]
            assert product["BPM"].data is None
            assert found(product["N1"].data) == [(11, 20)]
            assert found(product["S7"].data & 1) == [(12, 20)]
            assert product["N1"].data.dtype.newbyteorder("=") == np.int16

    def test_carry_the_wcs_both_kinds_of_planes_and_provenance(self, mosaic, model):
        with fits.open(run(mosaic, model).product) as product:
            header = product["N1"].header
        assert WCS(header).wcs.crval.tolist() == [150.1, 2.2]
        assert MaskSchema.from_header(header).interpret(513) == ("CR", "SAT")
        assert header["MP_SAT"] == 9
        assert header["SRCFILE"] == "mosaic.fits"
        assert int(header["SRCSUM"]) > 0
        assert len(header["MODELSHA"]) == 64
        assert header["CREATOR"].startswith("skysieve ")

    def test_are_compressed_and_checked(self, mosaic, model):
        product = run(mosaic, model).product
        with fits.open(product, checksum=True, disable_image_compression=True) as raw:
            assert raw["N1"].header["ZCMPTYPE"] == "PLIO_1"
            for hdu in raw:
                assert hdu.verify_checksum() == hdu.verify_datasum() == 1

    def test_of_one_hdu_stand_alone(self, mosaic, model):
        record = run(mosaic, model, hdu="S7")
        assert record.product.name == "mosaic.maskS7.fits"
        with fits.open(record.product) as product:
            assert [hdu.name for hdu in product] == ["PRIMARY", "S7"]

    def test_uncompressed_lie_where_their_science_lies(self, tmp_path, model):
        path = tmp_path / "single.fits"
        fits.PrimaryHDU(sky(3), science_header()).writeto(path)
        with fits.open(run(path, model, compression="none").product) as product:
            assert len(product) == 1
            assert found(product[0].data) == [(13, 20)]
            assert product[0].header["CRVAL1"] == 150.1

    def test_of_a_cube_are_a_cube(self, tmp_path, model):
        path = tmp_path / "cube.fits"
        fits.PrimaryHDU(np.stack([sky(0), sky(1), sky(2)])).writeto(path)
        record = run(path, model)
        with fits.open(record.product) as product:
            assert found(product[1].data & 1) == [(0, 10, 20), (1, 11, 20), (2, 12, 20)]
        assert [frame.plane for frame in record.frames] == [1, 2, 3]

    def test_go_into_another_surveys_map(self, mosaic, model):
        with fits.open(run(mosaic, model, bits="des").product) as product:
            assert product["N1"].data[11, 20] == 16 | 2
            assert product["N1"].header["BITMAP"] == "des"
            assert "MSKN0000" not in product["N1"].header

    def test_say_which_bits_are_bad(self, mosaic, model):
        settings = MaskSettings(model=model, priors=None, bad=("CR",))

        def bad_bits(**options):
            product = MaskJob(settings, overwrite=True, **options).run(Location(mosaic)).product
            return fits.getheader(product, "N1").get("BADBITS")

        assert bad_bits() == 8192 + 1
        assert bad_bits(bits="des") == 1 + 16
        assert bad_bits(bits="noirlab") is None, "codes are no bits"
        record = MaskJob(settings, overwrite=True).run(Location(mosaic))
        assert float(fractions_table({Location(mosaic): record})["bad"][0]) == pytest.approx(1 / 10_800)

    def test_maps_go_with_bits_only(self, mosaic, model):
        with pytest.raises(ConfigError, match="does not go with --format cube"):
            run(mosaic, model, bits="des", form="cube")


class TestPublishedLayouts:
    def test_cubes_have_a_plane_a_class(self, mosaic, model):
        record = run(mosaic, model, form="cube")
        assert record.product.name == "mosaic.masks.fits"
        with fits.open(record.product) as product:
            cube = product["N1"].data
            assert cube.shape == (14, 90, 120)
            assert cube.dtype == np.uint8
            assert found(cube[0]) == found(cube[9]) == [(11, 20)]
            assert cube[13].all()
            assert product["N1"].header["CR"] == "CR: Cosmic Rays"

    def test_single_masks_sum_codes(self, mosaic, model):
        with fits.open(run(mosaic, model, form="single").product) as product:
            assert product["N1"].data.dtype.newbyteorder("=") == np.int16
            assert product["N1"].data[11, 20] == 513
            assert product["N1"].header["SAT_SM"] == "512.0"

    def test_probabilities_are_float32(self, mosaic, model):
        with fits.open(run(mosaic, model, form="probabilities").product) as product:
            planes = product["N1"].data
            assert planes.dtype == np.dtype(">f4")
            assert planes[0, 11, 20] > 0.99
            assert product["N1"].header["THRESH"] == "No"


class TestFramesWithoutSky:
    @pytest.fixture
    def with_dead(self, tmp_path):
        path = tmp_path / "dead.fits"
        dead = np.zeros((90, 120), np.float32)
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(sky(1)), fits.ImageHDU(dead)]).writeto(path)
        return path

    @pytest.mark.parametrize("form", ["bits", "cube", "single", "probabilities"])
    def test_do_not_cost_a_file_its_other_masks(self, with_dead, model, form, caplog):
        record = run(with_dead, model, form=form)
        assert record.frames[0].fractions["CR"] > 0
        assert record.frames[1].fractions["NODATA"] == 1
        assert "dead.fits[2]: has no noise" in caplog.text

    def test_alone_are_an_error_and_leave_nothing(self, with_dead, model):
        with pytest.raises(FrameError, match="no noise"):
            run(with_dead, model, hdu=2)
        assert [path.name for path in with_dead.parent.iterdir()] == ["dead.fits"]


class TestFramesUnlikeTheTrainingFrames:
    """The model knows that its training frames had no mosaic, and says nothing of anything else."""

    SHAPE = (200, 220)

    @pytest.fixture
    def model(self, tmp_path):
        folder = save_pixel_model(tmp_path / "tiny", {"CR": 20})
        card = dataclasses.replace(
            read_model(folder).card, name="mine", domain={"mosaic": [0.0, 0.0, 0.05, 0.1, 0.2]}
        )
        (folder / CARD_FILE).write_text(card.to_json())
        return str(folder)

    def bayer(self, contrast=1.0):
        pixels = sky(3, self.SHAPE)
        pixels[::2, ::2] += contrast * 25
        return pixels

    def test_are_warned_of_once_an_hdu_and_marked_in_the_header(self, tmp_path, model, caplog):
        cube = np.stack([sky(1, self.SHAPE), self.bayer(), self.bayer(0.5)])
        hdus = [fits.PrimaryHDU(), fits.ImageHDU(cube, name="A"), fits.ImageHDU(self.bayer(), name="B")]
        fits.HDUList(hdus).writeto(tmp_path / "a.fits")
        record = run(tmp_path / "a.fits", model)
        first, second = (message.getMessage() for message in caplog.records)
        assert first.startswith(f"{tmp_path}/a.fits[A,1] plane 2: unlike what model mine was trained on (")
        assert second.startswith(f"{tmp_path}/a.fits[B,1]: unlike what model mine was trained on (score ")
        assert "): pixels differ in a 2 x 2 pattern, as in a Bayer mosaic: " in second
        assert second.endswith("; 0.20 at most in training frames: check its mask")
        header = fits.getheader(record.product, "B")
        assert f"score {header['UNLIKE']:.1f})" in second
        assert header["UNLIKEBY"] == "pixels differ in a 2 x 2 pattern, as in a Bayer mosaic"
        table = fractions_table({Location(tmp_path / "a.fits"): record})
        assert [score > 1 for score in table["unlike"]] == [False, True, True, True]
        assert table["unlike_by"][0] == ""
        assert table["unlike_by"][-1] == header["UNLIKEBY"]

    @pytest.mark.parametrize("form", ["bits", "single"])
    def test_are_the_only_ones_to_be_named(self, tmp_path, model, caplog, form):
        fits.PrimaryHDU(sky(1, self.SHAPE)).writeto(tmp_path / "a.fits")
        record = run(tmp_path / "a.fits", model, form=form)
        header = fits.getheader(record.product, 1 if form == "bits" else 0)
        assert header["UNLIKE"] < 1
        assert "UNLIKEBY" not in header
        assert caplog.text == ""

    def test_are_masked_all_the_same(self, tmp_path, model):
        fits.PrimaryHDU(self.bayer()).writeto(tmp_path / "a.fits")
        assert found(fits.getdata(run(tmp_path / "a.fits", model).product)) == [(13, 20)]

    def test_are_unknown_to_models_that_do_not_tell(self, tmp_path, caplog):
        silent = str(save_pixel_model(tmp_path / "silent", {"CR": 20}))
        fits.PrimaryHDU(self.bayer()).writeto(tmp_path / "a.fits")
        record = run(tmp_path / "a.fits", silent)
        assert "UNLIKE" not in fits.getheader(record.product, 1)
        assert caplog.text == ""

    def test_are_told_from_what_the_network_makes_of_them(self, tmp_path, model, caplog):
        never = {"marked CR": [-4.0, -4.0, -4.0, -3.5, -3.5]}
        card = dataclasses.replace(read_model(Path(model)).card, domain=never)
        (Path(model) / CARD_FILE).write_text(card.to_json())
        pixels = sky(5, (320, 320))
        pixels[40:80, 40:80] += 5000
        fits.PrimaryHDU(pixels).writeto(tmp_path / "a.fits")
        run(tmp_path / "a.fits", model)
        assert "much marked as CR: 1.6 % of the pixels; 0.03" in caplog.text

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ("7.0, 0.0, 0.05, 0.1, 0.2", "domain entry 'mosaic' is"),
            ("0.1", "domain.mosaic: List should have"),
        ],
    )
    def test_need_a_sound_card(self, tmp_path, model, values, message):
        path = Path(model) / CARD_FILE
        card = json.loads(path.read_text())
        card["domain"]["mosaic"] = [float(value) for value in values.split(",")]
        path.write_text(json.dumps(card))
        fits.PrimaryHDU(sky()).writeto(tmp_path / "a.fits")
        with pytest.raises(ModelError, match=message):
            run(tmp_path / "a.fits", model)


class TestFiles:
    def test_are_not_replaced_unless_told_so(self, mosaic, model):
        product = run(mosaic, model).product
        before = product.read_bytes()
        with pytest.raises(OutputError, match="use --overwrite"):
            run(mosaic, model)
        assert product.read_bytes() == before
        run(mosaic, model, overwrite=True)

    def test_never_replace_the_frame_itself(self, mosaic, model):
        with pytest.raises(ConfigError, match="would replace the frame itself"):
            run(mosaic, model, output="{dir}/{name}", overwrite=True)

    def test_get_previews(self, mosaic, model):
        from PIL import Image

        record = run(mosaic, model, preview=True)
        assert [path.name for path in record.previews] == ["mosaic.mask.1.png", "mosaic.mask.4.png"]
        with Image.open(record.previews[0]) as picture:
            assert picture.size[0] > 300

    def test_use_a_mask_of_the_input(self, tmp_path, model):
        path = tmp_path / "masked.fits"
        bad = np.zeros((90, 120), np.uint8)
        bad[11, 20] = 1
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(sky(1)), fits.ImageHDU(bad, name="FLAGS")]).writeto(
            path
        )
        with fits.open(run(path, model, mask_hdu="FLAGS").product) as product:
            assert product[1].data[11, 20] == 8192

    def test_are_listed_in_a_table(self, mosaic, model, tmp_path):
        records = {Location(mosaic): run(mosaic, model)}
        table = fractions_table(records)
        assert table["name"].tolist() == ["N1", "S7"]
        assert table["CR"][0].value == pytest.approx(1 / (90 * 120))
        assert table["width"][0].value == 120
        write_table(table, tmp_path / "t.ecsv", overwrite=False)
        with pytest.raises(OutputError, match="exists"):
            write_table(table, tmp_path / "t.ecsv", overwrite=False)
