"""``skysieve maximask``: the options, files, layouts and cards of the published command."""

from __future__ import annotations

import gzip
import re
import sys

import numpy as np
import pytest
from astropy.io import fits
from tests.cli.command import executable, failure, sky, write
from tests.cli.published_frame import published_masks, write_published_frame

from skysieve.frames.mask.settings import MaskSettings

SHAPE = (64, 72)

CLASSES = {
    # name: the card of that name, prior, threshold and code, as MaxiMask 1.3.0 has them
    "CR": ("CR: Cosmic Rays", "0.0005", "0.43", "1.0"),
    "HCL": ("HCL: Hot Columns/Lines", "1e-05", "0.60", "2.0"),
    "DCL": ("DCL: Dead Columns/Lines/Clusters", "0.0001", "0.74", "4.0"),
    "HP": ("HP: Hot Pixels", "1e-06", "0.43", "8.0"),
    "DP": ("DP: Dead Pixels", "1e-06", "0.99", "16.0"),
    "P": ("P: Persistence", "0.001", "0.65", "32.0"),
    "TRL": ("TRL: TRaiLs", "0.001", "0.28", "64.0"),
    "FR": ("FR: residual FRinging", "0.001", "0.76", "128.0"),
    "NEB": ("NEB: NEBulosities", "0.001", "0.56", "256.0"),
    "SAT": ("SAT: SATurated pixels", "0.001", "0.81", "512.0"),
    "SP": ("SP: diffraction SPikes", "0.005", "0.54", "1024.0"),
    "OV": ("OV: Overscan", "0.005", "0.55", "2048.0"),
    "BBG": ("BBG: Bright BackGround", "0.10", "0.44", "4096.0"),
    "BG": ("BG: BackGround", "0.90", "0.27", "0.0"),
}
DATE = re.compile(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}")


@pytest.fixture
def maximask(run, weights):
    def maximask(*arguments):
        return run("maximask", *arguments)

    return maximask


@pytest.fixture
def config(tmp_path):
    """Write a folder of configuration files."""

    def config(*chosen, **values):
        folder = tmp_path / "config"
        folder.mkdir(exist_ok=True)
        (folder / "classes.flags").write_text("".join(f"{name} {int(name in chosen)}\n" for name in CLASSES))
        for ending, given in values.items():
            lines = [f"{name} {given.get(name, 0.5)}\n" for name in CLASSES]
            (folder / f"classes.{ending}").write_text("".join(lines))
        return folder

    return config


def published_cards(*, priors="Yes", thresholds="Yes", single="No", classes=tuple(CLASSES)):
    """Return the cards that the published command writes, but for the dates: value and comment."""
    cards = {
        "PRIORS": (priors, "Whether prior modification was applied or not"),
        "THRESH": (thresholds, "Whether thresholding was applied or not"),
        "SMASK": (single, "Whether binary power mask was applied or not"),
    }
    for number, name in enumerate(classes):
        label, prior, threshold, code = CLASSES[name]
        cards |= {name: (label, ""), f"{name}_DIM": (str(number), "")}
        if priors == "Yes":
            cards[f"{name}_PR"] = (prior, f"{name} prior")
        if thresholds == "Yes":
            cards[f"{name}_TH"] = (threshold, f"{name} threshold")
        if single == "Yes":
            cards[f"{name}_SM"] = (code, f"{name} binary power value")
    return cards


def found_cards(header):
    """Return the cards that the published command writes and no others: value and comment."""
    wanted = {"PRIORS", "THRESH", "SMASK"} | {
        f"{name}{ending}" for name in CLASSES for ending in ("", "_DIM", "_PR", "_TH", "_SM")
    }
    return {card.keyword: (card.value, card.comment) for card in header.cards if card.keyword in wanted}


def test_the_masks_are_those_of_tensorflow(run, tmp_path, weights):
    write_published_frame(tmp_path / "a.fits")
    modes = ("--format", "cube", "--tiling", "published", "--normalisation", "published")
    assert run("mask", "a.fits", *modes, "--precision", "f32", "--model", "maximask").code == 0
    expected = published_masks()
    found = fits.getdata("a.masks.fits")
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    assert (found != expected).mean() <= 1e-4
    for plane, plane_expected in zip(found, expected, strict=True):
        assert (plane != plane_expected).sum() <= 0.02 * max(100, plane_expected.sum())


def test_the_weights_are_the_published_ones_whatever_the_default_model_is(maximask, tmp_path, monkeypatch):
    monkeypatch.setitem(MaskSettings.__init__.__kwdefaults__, "model", "another")
    assert MaskSettings().model == "another"
    write(tmp_path / "a.fits", sky())
    assert maximask("a.fits") == (0, "", "")
    assert fits.getheader("a.mask.fits")["MODEL"] == "maximask"


def test_its_own_masks_differ_where_maximask_is_wrong_only(maximask, tmp_path):
    write_published_frame(tmp_path / "a.fits")
    assert maximask("a.fits") == (0, "", "")
    # the published sky level is wrong by far near the border of so small a frame
    middle = (slice(None), slice(150, 260), slice(150, 260))
    assert (fits.getdata("a.mask.fits")[middle] != published_masks()[middle]).mean() < 0.01


class TestLayout:
    @pytest.mark.parametrize(
        ("options", "shape", "kind", "cards"),
        [
            ([], (14, *SHAPE), "uint8", {}),
            (["--prior_modif", "False"], (14, *SHAPE), "uint8", {"priors": "No"}),
            (["--proba_thresh", "no"], (14, *SHAPE), ">f4", {"thresholds": "No"}),
            (
                ["--proba_thresh", "f", "--prior_modif", "0"],
                (14, *SHAPE),
                ">f4",
                {"priors": "No", "thresholds": "No"},
            ),
            (["--single_mask", "True"], SHAPE, ">i2", {"single": "Yes"}),
            (
                ["--single_mask=yes", "--prior_modif=n", "--batch_size", "1"],
                SHAPE,
                ">i2",
                {"single": "Yes", "priors": "No"},
            ),
        ],
    )
    def test_and_cards_follow_the_options(self, maximask, tmp_path, *, options, shape, kind, cards):
        write(tmp_path / "a.fits", sky(shape=SHAPE))
        assert maximask("a.fits", *options) == (0, "", "")
        with fits.open("a.mask.fits") as hdus:
            assert len(hdus) == 1
            assert hdus[0].data.shape == shape
            assert hdus[0].data.dtype == np.dtype(kind)
            header = hdus[0].header
        assert found_cards(header) == published_cards(**cards)
        assert DATE.fullmatch(header["MM_UTC"])
        assert DATE.fullmatch(header["MM_LOC"])
        assert header.comments["MM_UTC"] == "MaxiMask UTC processing date"
        assert header.comments["MM_LOC"] == "MaxiMask LOC processing date"

    def test_has_the_hdus_of_the_source_with_the_cards_in_each(self, maximask, tmp_path):
        table = fits.BinTableHDU(np.zeros(3, [("x", "f4")]), name="CAT")
        write(tmp_path / "a.fits", ("A", sky(shape=SHAPE)), table, ("B", sky(shape=(40, 50))))
        assert maximask("a.fits").code == 0
        with fits.open("a.mask.fits") as hdus:
            assert [hdu.name for hdu in hdus] == ["PRIMARY", "A", "CAT", "B"]
            assert [hdus[name].shape for name in "AB"] == [(14, *SHAPE), (14, 40, 50)]
            for hdu in (hdus[0], hdus["A"], hdus["B"]):
                assert found_cards(hdu.header) == published_cards()

    def test_of_one_hdu_is_the_primary(self, maximask, tmp_path):
        path = write(tmp_path / "a.fits", ("A", sky(shape=SHAPE)), ("B", sky(shape=(40, 50))))
        fits.setval(path, "OBSERVER", value="E. Hubble")
        assert maximask("a.fits[2]") == (0, "", "")
        with fits.open("a.mask2.fits") as hdus:
            assert len(hdus) == 1
            assert hdus[0].shape == (14, 40, 50)
            assert hdus[0].header["OBSERVER"] == "E. Hubble"
            assert found_cards(hdus[0].header) == published_cards()

    def test_is_that_of_the_published_product(self, maximask, tmp_path, real_frames):
        write(tmp_path / "a.fits", sky(shape=SHAPE))
        assert maximask("a.fits").code == 0
        ours = found_cards(fits.getheader("a.mask.fits"))
        with fits.open(real_frames / "maximask_published_output.fits.fz") as hdus:
            for hdu in hdus:
                published = found_cards(hdu.header)
                assert list(published) == list(ours)
                for keyword, (value, comment) in published.items():
                    own, own_comment = ours[keyword]
                    # most priors are 0.00 there
                    rounded = f"{np.float32(own):.2f}" if keyword.endswith("_PR") else own
                    assert (value, comment) == (rounded, own_comment)

    def test_of_a_cube_has_the_planes_first(self, maximask, tmp_path):
        write(tmp_path / "a.fits", np.stack([sky(shape=SHAPE)] * 2))
        assert maximask("a.fits").code == 0
        assert fits.getdata("a.mask.fits").shape == (2, 14, *SHAPE)


class TestNames:
    @pytest.mark.parametrize(
        ("path", "options", "product"),
        [
            ("n/a.fits", [], "n/a.mask.fits"),
            ("n/a.fits", ["--suffix", "masks"], "n/a.masks.fits"),
            ("n/a.fits[0]", [], "n/a.mask0.fits"),
            ("n/a.fits[0]", ["--suffix", "masks"], "n/a.masks0.fits"),
            ("n/a.fits.gz", [], "n/a.mask.fits"),
            ("n/a.fits.fz", [], "n/a.mask.fits"),
            ("n/a.fits.fz[1]", [], "n/a.mask1.fits"),
        ],
    )
    def test_are_the_published_ones(self, maximask, tmp_path, path, options, product):
        plain = write(tmp_path / "n/a.fits", sky(shape=SHAPE))
        (tmp_path / "n/a.fits.gz").write_bytes(gzip.compress(plain.read_bytes()))
        write(tmp_path / "n/a.fits.fz", fits.CompImageHDU(sky(shape=SHAPE)))
        before = set((tmp_path / "n").iterdir())
        assert maximask(path, *options) == (0, "", "")
        assert set((tmp_path / "n").iterdir()) - before == {tmp_path / product}

    def test_of_a_folder_leave_earlier_masks_out_and_replace_them(self, maximask, tmp_path):
        for name in "ab":
            write(tmp_path / f"night/{name}.fits", sky(shape=SHAPE))
        for _ in range(2):
            assert maximask("night") == (0, "", "")
        assert sorted(path.name for path in (tmp_path / "night").glob("*.mask.*")) == [
            "a.mask.fits",
            "b.mask.fits",
        ]

    def test_of_a_list_are_those_of_its_lines(self, maximask, tmp_path):
        write(tmp_path / "a.fits", sky(shape=SHAPE))
        write(tmp_path / "b.fits", ("SCI", sky(shape=SHAPE)))
        (tmp_path / "x.list").write_text("a.fits\nmissing.fits\nb.fits[1]\n")
        result = maximask("x.list", "-v")
        assert result.code == 1
        assert re.sub(r"\d+\.\d\d", "*", result.out) == (
            "a.fits: a.mask.fits in * s\nb.fits[1]: b.mask1.fits in * s\n"
        )
        assert "1 failed, 2 done; failed:\n  missing.fits: no such file" in result.err


class TestExecutable:
    """What the wrapper of a survey calls: one path, options, a file; then it reads ``NAME.mask.fits``."""

    @pytest.mark.usefixtures("weights")
    def test_takes_the_call_of_a_production_wrapper(self, tmp_path, config, monkeypatch, capfd):
        write(tmp_path / "tile.fits", sky(shape=SHAPE))
        monkeypatch.chdir(tmp_path)
        arguments = ["--config_dir", str(config("CR", "TRL")), "--single_mask", "1", "tile.fits"]
        monkeypatch.setattr(sys, "argv", ["/opt/bin/skysieve-maximask", *arguments])
        with pytest.raises(SystemExit) as end:
            executable("skysieve-maximask")()
        assert end.value.code in (0, None)
        assert tuple(capfd.readouterr()) == ("", "")
        with fits.open("tile.mask.fits") as hdus:
            assert hdus[0].data.shape == SHAPE
            assert hdus[0].data.dtype == np.dtype(">i2")
            assert found_cards(hdus[0].header) == published_cards(single="Yes", classes=("CR", "TRL"))

    def test_of_a_wrong_option_ends_in_one_line(self, tmp_path, monkeypatch, capfd):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["skysieve-maximask", "--single_mask", "maybe", "a.fits"])
        with pytest.raises(SystemExit) as end:
            executable("skysieve-maximask")()
        assert end.value.code == 1
        assert capfd.readouterr().err == "skysieve: error: --single_mask 'maybe': expected True or False\n"


class TestConfiguration:
    def test_chooses_classes_and_keeps_their_order(self, maximask, tmp_path, config):
        write(tmp_path / "a.fits", sky(shape=SHAPE))
        assert maximask("a.fits", "--config_dir", config("TRL", "CR")).code == 0
        with fits.open("a.mask.fits") as hdus:
            assert hdus[0].data.shape == (2, *SHAPE)
            assert found_cards(hdus[0].header) == published_cards(classes=("CR", "TRL"))

    def test_sets_priors_and_thresholds(self, maximask, tmp_path, config):
        write(tmp_path / "a.fits", sky(shape=SHAPE))
        folder = config("CR", "BG", priors={"CR": 0.3}, thresh={"CR": 1, "BG": 0})
        assert maximask("a.fits", "--config_dir", folder).code == 0
        with fits.open("a.mask.fits") as hdus:
            header = hdus[0].header
            assert [header[card] for card in ("CR_PR", "CR_TH", "BG_PR", "BG_TH")] == [
                "0.30",
                "1.00",
                "0.50",
                "0.00",
            ]
            assert not hdus[0].data[0].any()
            assert hdus[0].data[1].all()

    def test_with_only_the_background_makes_an_empty_single_mask(self, maximask, tmp_path, config):
        write(tmp_path / "a.fits", sky(shape=SHAPE))
        assert maximask("a.fits", "--config_dir", config("BG"), "--single_mask", "True") == (0, "", "")
        with fits.open("a.mask.fits") as hdus:
            assert not hdus[0].data.any()
            assert found_cards(hdus[0].header) == published_cards(single="Yes", classes=("BG",))


class TestWeights:
    def test_may_come_from_a_folder(self, maximask, tmp_path, weights):
        write(tmp_path / "a.fits", sky(shape=SHAPE))
        assert maximask("a.fits", "--net_dir", weights / "data/tensorflow_models/maximask") == (0, "", "")
        assert fits.getheader("a.mask.fits")["MODEL"] == "maximask"

    @pytest.mark.parametrize(
        ("folder", "message"),
        [
            ("data/tensorflow_models/maxitrack", "other networks than maximask"),
            ("scripts", "holds no SavedModel"),
            ("nowhere", "no such folder or wheel"),
        ],
    )
    def test_of_another_kind_are_refused(self, maximask, tmp_path, weights, folder, message):
        write(tmp_path / "a.fits", sky(shape=SHAPE))
        assert message in failure(maximask("a.fits", "--net_dir", weights / folder))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--single_mask", "maybe"], "--single_mask 'maybe': expected True or False"),
        (["--prior_modif", ""], "--prior_modif '': expected True or False"),
        (
            ["--single_mask", "True", "--proba_thresh", "False"],
            "--single_mask True needs --proba_thresh True",
        ),
        (["--config_dir", "nowhere"], "nowhere: no such configuration folder"),
    ],
)
def test_wrong_options_are_one_line(maximask, tmp_path, options, message):
    write(tmp_path / "a.fits", sky(shape=SHAPE))
    assert message in failure(maximask("a.fits", *options))


def test_a_pixel_without_data_is_in_no_class_and_marked_in_single_masks(maximask, tmp_path):
    pixels = sky(shape=SHAPE)
    pixels[20:30, 20:30] = np.nan
    write(tmp_path / "a.fits", pixels)
    hole = np.zeros(SHAPE, bool)
    hole[20:30, 20:30] = True
    maximask("a.fits")
    assert not fits.getdata("a.mask.fits")[:, hole].any()
    maximask("a.fits", "--single_mask", "True")
    np.testing.assert_array_equal(fits.getdata("a.mask.fits") & 8192 != 0, hole)
    maximask("a.fits", "--proba_thresh", "False")
    np.testing.assert_array_equal(np.isnan(fits.getdata("a.mask.fits")).all(axis=0), hole)
