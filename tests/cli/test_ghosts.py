"""``skysieve ghosts``: from exposures and pictures to ghosts and the CCDs they touch."""

from __future__ import annotations

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS
from PIL import Image
from tests.cli.command import failure, leftovers
from tests.ghosts import tiny_camera
from tests.ghosts.tiny_camera import DEGREES, TABLE, raw, write_calibrated, write_exposure
from tests.tiny_models import save_ghost_model

from skysieve.frames.mask.classes import CLASSES, NODATA
from skysieve.ghosts.annotations.coco import parse_coco
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.predict.products import BITS

LIT = (slice(64, 192), slice(16, 112))
"""Where a CCD has a ghost: of CCD 4 in the picture the columns from 24 to 31 and the rows from 15 to 20."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_ghost_model(tmp_path_factory.mktemp("models") / "ghosts")


@pytest.fixture
def ghosts(run, model, tmp_path):
    """Run the command on files of the tiny camera."""
    (tmp_path / "tiny.ecsv").write_text(TABLE)

    def ghosts(*arguments):
        return run("ghosts", *arguments, "--model", model, "--camera", "tiny.ecsv")

    return ghosts


def haunted(*numbers):
    """Return an exposure with a bright patch on CCDs."""
    ccds = tiny_camera.sky()
    for number in numbers:
        ccds[number][LIT] += 2000
    return ccds


def plane_of_noise(shape=(40, 56)):
    """Return a picture with nothing but sky on the CCDs."""
    noise = np.random.default_rng(0).normal(54, 13, shape)
    on = np.ones(shape, bool)
    if shape == tiny_camera.tiny_camera().picture_shape:
        on = tiny_camera.tiny_camera().ccd_map > 0
    return np.where(on, np.clip(noise, 0, 255), 23).astype(np.uint8)


def test_an_exposure_gets_a_label_image_and_instances(ghosts, tmp_path):
    write_calibrated(tmp_path / "a.fits", haunted(4))
    result = ghosts("a.fits")
    assert result.code == 0, result.err
    assert "a.fits -> a.ghosts.fits" in result.out
    assert "1 Bright" in result.out
    assert "CCDs 4 (" in result.out
    with fits.open(tmp_path / "a.ghosts.fits", checksum=True) as hdus:
        labels, header = hdus[0].data, hdus[0].header
    rows, columns = np.nonzero(labels)
    assert set(np.unique(labels)) == {0, 1}
    assert (rows.mean(), columns.mean()) == pytest.approx((17.5, 27.5), abs=1)
    assert header["GHOST1"].startswith("Bright 0.")
    assert (header["SRCFILE"], header["MODEL"], header["CAMERA"]) == ("a.fits", "tiny-ghosts", "TinyCam")
    document = json.loads((tmp_path / "a.ghosts.json").read_text())
    (image,) = parse_coco(document, "a.ghosts.json").images
    assert image.name == "a.fits"
    np.testing.assert_array_equal(image.mask("Bright"), labels == 1)


def test_the_label_image_knows_the_sky(ghosts, tmp_path):
    write_calibrated(tmp_path / "a.fits", haunted(4))
    assert ghosts("a.fits", "--table", "ghosts.ecsv").code == 0
    system = WCS(fits.getheader(tmp_path / "a.ghosts.fits"))
    x, y = tiny_camera.CENTRE
    place = system.pixel_to_world(x, y)
    assert (place.ra.deg, place.dec.deg) == pytest.approx(tiny_camera.POINTING, abs=DEGREES / 5)
    (row,) = QTable.read(tmp_path / "ghosts.ecsv")
    centre = system.pixel_to_world(row["x"].value - 1, row["y"].value - 1)
    assert (row["ra"].value, row["dec"].value) == pytest.approx(
        (centre.ra.deg, centre.dec.deg), abs=DEGREES / 5
    )


def test_tables_name_every_ghost_and_every_ccd_it_touches(ghosts, tmp_path):
    write_calibrated(tmp_path / "a.fits", haunted(1, 4))
    write_calibrated(tmp_path / "b.fits", haunted())
    result = ghosts("a.fits", "b.fits", "--table", "ghosts.ecsv", "--ccds", "ccds.ecsv")
    assert result.code == 0
    assert "  no ghosts" in result.out
    (row,) = QTable.read(tmp_path / "ghosts.ecsv")
    assert (row["file"], row["ghost"], row["class"]) == ("a.fits", 1, "Bright")
    assert [text.partition(":")[0] for text in row["ccds"].split()] == ["1", "4"]
    assert row["area"].value > 40
    exclusion = QTable.read(tmp_path / "ccds.ecsv")
    assert list(zip(exclusion["file"], exclusion["ccd"], exclusion["name"], strict=True)) == [
        ("a.fits", 1, "A1"),
        ("a.fits", 4, "B2"),
    ]
    bright, faint = (exclusion[name].value for name in ("bright", "faint"))
    assert all((bright > 0.1) & (bright < 0.4))
    assert not any(faint)


def test_a_ghost_touches_what_it_covers_enough_of(ghosts, tmp_path):
    write_calibrated(tmp_path / "a.fits", haunted(4))
    assert ghosts("a.fits", "--least", 0.9, "--ccds", "ccds.ecsv").code == 0
    assert len(QTable.read(tmp_path / "ccds.ecsv")) == 0


def test_tables_of_a_night_without_ghosts_have_their_columns(ghosts, tmp_path):
    write_calibrated(tmp_path / "a.fits", haunted())
    assert ghosts("a.fits", "--table", "ghosts.ecsv", "--ccds", "ccds.ecsv").code == 0
    assert {"class", "score", "ra"} <= set(QTable.read(tmp_path / "ghosts.ecsv").colnames)
    assert {"ccd", "rays"} <= set(QTable.read(tmp_path / "ccds.ecsv").colnames)


@pytest.mark.parametrize("make", [tiny_camera.calibrated, raw], ids=["calibrated", "raw"])
def test_masks_of_ccds_are_in_their_own_pixels(ghosts, tmp_path, make):
    hdus = {number: make(number, pixels) for number, pixels in haunted(4).items()}
    write_exposure(tmp_path / "a.fits", hdus)
    result = ghosts("a.fits", "--ccd-masks")
    assert result.code == 0, result.err
    assert "also: a.ghosts.ccds.fits" in result.out
    with fits.open(tmp_path / "a.fits") as source, fits.open(tmp_path / "a.ghosts.ccds.fits") as product:
        assert [hdu.name for hdu in product] == [hdu.name for hdu in source]
        for hdu, own in zip(source[1:], product[1:], strict=True):
            assert own.shape == hdu.shape
        masked = product["B2"].data == BITS["Bright"]
        bright = source["B2"].data > 2000
        assert not product["A1"].data.any()
    assert (masked & bright).sum() > 0.6 * bright.sum()
    assert masked.sum() < 2 * bright.sum()


def test_bits_of_ghosts_are_free_in_masks_of_contaminants():
    taken = sum(c.code for c in (*CLASSES, NODATA))
    assert set(BITS) == set(CLASS_NAMES)
    assert not any(taken & bit for bit in BITS.values())


def test_screening_says_which_exposures_have_ghosts_and_writes_nothing(ghosts, tmp_path):
    for name, numbers in (("a", (4,)), ("b", ())):
        write_calibrated(tmp_path / f"{name}.fits", haunted(*numbers))
    (tmp_path / "night.list").write_text("a.fits\nb.fits\n")
    before = set(tmp_path.iterdir())
    result = ghosts("night.list", "--screen", "--table", "night.ecsv")
    assert result == (0, "a.fits 0.9000\nb.fits 0.0000\n", "")
    assert set(tmp_path.iterdir()) - before == {tmp_path / "night.ecsv"}
    table = QTable.read(tmp_path / "night.ecsv")
    assert list(table["ghosts"]) == [1, 0]
    assert list(table["ccds"]) == [1, 0]


def test_a_preview_shows_the_ghost_in_its_colour(ghosts, tmp_path):
    write_calibrated(tmp_path / "a.fits", haunted(4))
    assert ghosts("a.fits", "--preview").code == 0
    with Image.open(tmp_path / "a.ghosts.png") as picture:
        shown = np.asarray(picture.convert("RGB")).astype(int)
    right = shown[:, shown.shape[1] // 2 :]
    assert (np.abs(right - [255, 90, 54]).sum(-1) < 12).sum() > 20


def test_a_picture_made_before_is_examined_as_it_is(ghosts, tmp_path):
    picture = plane_of_noise()
    picture[14:22, 20:30] = 250
    Image.fromarray(picture).save(tmp_path / "plane.png")
    result = ghosts("plane.png", "--table", "ghosts.ecsv")
    assert result.code == 0, result.err
    (row,) = QTable.read(tmp_path / "ghosts.ecsv")
    assert row["ccds"].startswith("4:")
    assert np.isnan(row["ra"])
    assert "CTYPE1" not in fits.getheader(tmp_path / "plane.png.ghosts.fits")


def test_a_simulated_picture_with_its_truth_is_taken(ghosts, tmp_path):
    pixels, truth = plane_of_noise(), fits.ImageHDU(np.ones((40, 56), np.uint8), name="TRUTH")
    pixels[14:22, 20:30] = 250
    fits.HDUList([fits.PrimaryHDU(pixels), truth]).writeto(tmp_path / "plane.fits")
    result = ghosts("plane.fits")
    assert result.code == 0, result.err
    assert "1 Bright" in result.out


def test_a_folder_of_pictures_is_taken_without_what_is_no_focal_plane(ghosts, tmp_path):
    (tmp_path / "planes").mkdir()
    for name in ("a.png", "b.jpg"):
        Image.fromarray(plane_of_noise()).save(tmp_path / "planes" / name)
    Image.fromarray(plane_of_noise((80, 90))).save(tmp_path / "planes" / "sheet.png")
    assert ghosts("planes", "--preview").code == 0
    again = ghosts("planes", "--screen")
    assert [line.split()[0] for line in again.out.splitlines()] == ["planes/a.png", "planes/b.jpg"]


def test_ccds_without_data_are_named(ghosts, tmp_path):
    ccds = haunted(4)
    del ccds[1], ccds[3]
    write_calibrated(tmp_path / "a.fits", ccds)
    words = "only 3 of 5 CCDs have data: nothing is known of 1 3"
    assert words in ghosts("a.fits").out
    assert words in ghosts("a.fits", "--screen").out
    write_calibrated(tmp_path / "b.fits", haunted(4))
    assert "CCDs have data" not in ghosts("b.fits").out


def test_the_map_of_classes_is_a_product(ghosts, tmp_path):
    write_calibrated(tmp_path / "a.fits", haunted(4))
    assert ghosts("a.fits", "--probabilities").code == 0
    with fits.open(tmp_path / "a.ghosts.probabilities.fits", checksum=True) as hdus:
        assert [hdu.name for hdu in hdus[1:]] == ["RAYS", "BRIGHT", "FAINT"]
        bright, labels = hdus["BRIGHT"].data, fits.getdata(tmp_path / "a.ghosts.fits")
        assert hdus["BRIGHT"].header["CTYPE1"] == "RA---TAN"
    assert bright.shape == labels.shape
    assert bright[labels == 1].mean() > 0.8
    assert bright[labels == 0].mean() < 0.1
    with Image.open(tmp_path / "a.ghosts.probabilities.png") as picture:
        assert picture.size[0] > 3 * 2 * 56


def test_an_exclusion_list_has_date_exposure_and_ccd(ghosts, tmp_path):
    cards = {"EXPNUM": 1025586, "DATE-OBS": "2021-08-16T03:10:00.5"}
    write_calibrated(tmp_path / "a.fits", haunted(1, 4), **cards)
    assert ghosts("a.fits", "--exclude", "exclude.txt").code == 0
    lines = (tmp_path / "exclude.txt").read_text().splitlines()
    assert lines[0].split() == ["#date", "expnum", "ccd", "id", "ccdnum"]
    assert [line.split() for line in lines[1:]] == [
        ["20210815", "1025586", "nan", "A1", "1"],
        ["20210815", "1025586", "nan", "B2", "4"],
    ]
    assert "exists; use --overwrite" in failure(ghosts("a.fits", "--exclude", "exclude.txt"))


def test_regions_lie_on_the_sky_where_the_ghost_is(ghosts, tmp_path):
    write_calibrated(tmp_path / "a.fits", haunted(4))
    assert ghosts("a.fits", "--regions", "--table", "ghosts.ecsv").code == 0
    (row,) = QTable.read(tmp_path / "ghosts.ecsv")
    frame, polygon = (tmp_path / "a.ghosts.reg").read_text().splitlines()[1:]
    places = np.array(polygon[len("polygon(") :].partition(")")[0].split(","), float).reshape(-1, 2)
    assert frame == "icrs"
    assert (places.min(0) < [row["ra"].value, row["dec"].value]).all()
    assert (places.max(0) > [row["ra"].value, row["dec"].value]).all()
    assert np.ptp(places, axis=0).max() < 20 * DEGREES


def test_resuming_leaves_what_is_done(ghosts, tmp_path):
    write_calibrated(tmp_path / "a.fits", haunted(4))
    assert ghosts("a.fits").code == 0
    assert ghosts("a.fits", "--resume").out == "1 of 1 files are done already\n"
    assert "a.ghosts.fits exists; use --overwrite" in failure(ghosts("a.fits"))
    assert ghosts("a.fits", "--overwrite").code == 0


def test_a_table_is_extended_when_a_run_goes_on(ghosts, tmp_path):
    write_calibrated(tmp_path / "a.fits", haunted(4))
    assert ghosts("a.fits", "--table", "ghosts.ecsv").code == 0
    write_calibrated(tmp_path / "b.fits", haunted(1))
    assert ghosts("a.fits", "b.fits", "--resume", "--table", "ghosts.ecsv").code == 0
    assert list(QTable.read(tmp_path / "ghosts.ecsv")["file"]) == ["a.fits", "b.fits"]


def test_products_are_not_taken_for_exposures(ghosts, tmp_path):
    (tmp_path / "night").mkdir()
    write_calibrated(tmp_path / "night" / "a.fits", haunted(4))
    assert ghosts("night", "--ccd-masks").code == 0
    assert ghosts("night", "--screen").out == "night/a.fits 0.9000\n"


class TestBadInput:
    def test_an_exposure_of_another_camera(self, ghosts, tmp_path):
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.ones((64, 64)))]).writeto(tmp_path / "a.fits")
        assert "no HDU is a CCD of TinyCam" in failure(ghosts("a.fits"))

    def test_a_number_of_views_that_there_is_not(self, ghosts, tmp_path):
        Image.fromarray(plane_of_noise()).save(tmp_path / "plane.png")
        assert failure(ghosts("plane.png", "--views", "3")) == "3 views: choose from 1, 2, 4"
        assert {path.name for path in tmp_path.iterdir()} == {"plane.png", "tiny.ecsv"}

    def test_masks_of_the_ccds_of_a_picture(self, ghosts, tmp_path):
        Image.fromarray(plane_of_noise()).save(tmp_path / "plane.png")
        assert "leave --ccd-masks out" in failure(ghosts("plane.png", "--ccd-masks"))
        assert {path.name for path in tmp_path.iterdir()} == {"plane.png", "tiny.ecsv"}
        assert leftovers(tmp_path) == []

    @pytest.mark.parametrize(
        ("level", "message"),
        [(0, "all pixels of its CCDs are 0"), (54, "all pixels of its CCDs are 54")],
        ids=["black", "grey"],
    )
    @pytest.mark.parametrize("options", [(), ("--screen",)], ids=["products", "screening"])
    def test_a_picture_of_one_level(self, ghosts, tmp_path, level, message, options):
        Image.fromarray(np.full((40, 56), level, np.uint8)).save(tmp_path / "plane.png")
        said = failure(ghosts("plane.png", *options))
        assert f"plane.png: {message}: there is no sky" in said
        assert {path.name for path in tmp_path.iterdir()} == {"plane.png", "tiny.ecsv"}

    def test_a_picture_of_another_size(self, ghosts, tmp_path):
        Image.fromarray(plane_of_noise((30, 30))).save(tmp_path / "plane.png")
        assert "is 30 x 30 pixels, not 56 x 40" in failure(ghosts("plane.png"))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--threshold", "Ring=0.3"), "unknown class 'Ring'"),
            (("--threshold", "Rays=1.5"), "threshold of Rays: 1.5"),
            (("--screen", "--preview"), "screening writes no masks, maps, regions or previews"),
        ],
    )
    def test_options_that_mean_nothing(self, ghosts, tmp_path, arguments, message):
        write_calibrated(tmp_path / "a.fits", haunted())
        assert message in failure(ghosts("a.fits", *arguments))

    def test_a_model_for_pictures_of_another_size(self, run, tmp_path):
        save_ghost_model(tmp_path / "large", side=400)
        (tmp_path / "tiny.ecsv").write_text(TABLE)
        write_calibrated(tmp_path / "a.fits", haunted())
        result = run("ghosts", "a.fits", "--model", "large", "--camera", "tiny.ecsv")
        assert "takes pictures of 400 x 400 pixels; those of the camera have 56 x 40" in failure(result)

    def test_one_broken_exposure_does_not_stop_the_others(self, ghosts, tmp_path):
        write_calibrated(tmp_path / "a.fits", haunted(4))
        (tmp_path / "b.fits").write_bytes(b"SIMPLE  =")
        result = ghosts("b.fits", "a.fits")
        assert result.code == 1
        assert "1 failed, 1 done" in result.err
        assert (tmp_path / "a.ghosts.fits").exists()
