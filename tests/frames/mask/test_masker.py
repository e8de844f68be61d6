"""A frame through a network that is known by heart."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from astropy import units
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tiny_models import save_pixel_model

from skysieve.core.errors import ConfigError, FrameError, ModelError, OutputError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.frames.mask import posteriors
from skysieve.frames.mask.masker import Masker
from skysieve.frames.mask.preview import draw_preview
from skysieve.frames.mask.settings import MaskSettings


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Cosmic rays are above 20 sigma, saturation above 60, dead pixels nowhere; 'background' everywhere."""
    limits = {"CR": 20, "SAT": 60, "BG": -1e4}
    return str(save_pixel_model(tmp_path_factory.mktemp("models") / "tiny", limits))


@pytest.fixture
def pixels():
    sky = np.random.default_rng(0).normal(500, 5, (500, 700)).astype(np.float32)
    sky[100, 200:210] = 500 + 5 * 40
    sky[300, 400] = 500 + 5 * 100
    return sky


def run(pixels, model, *, mask=None, keep=False, **settings):
    masker = Masker(MaskSettings(model=model, priors=settings.pop("priors", None), **settings))
    return masker.mask(ArrayFrame(pixels, mask=mask), keep_probabilities=keep, keep_pixels=keep)


class TestBits:
    def test_are_where_the_signal_is(self, pixels, model):
        result = run(pixels, model)
        assert np.argwhere(result.boolean("CR")).tolist() == [[100, x] for x in range(200, 210)] + [
            [300, 400]
        ]
        assert np.argwhere(result.boolean("SAT")).tolist() == [[300, 400]]
        assert result.bits[300, 400] == 1 | 512
        assert result.bits.dtype == np.int16

    @pytest.mark.parametrize("shape", [(32, 32), (33, 50), (64, 500), (257, 129)])
    def test_fit_frames_of_any_size(self, model, shape):
        sky = np.random.default_rng(1).normal(0, 1, shape)
        sky[-1, -1] = 1000
        result = run(sky, model)
        assert result.bits.shape == shape
        assert np.argwhere(result.boolean("CR")).tolist() == [[shape[0] - 1, shape[1] - 1]]

    @pytest.mark.parametrize(
        "settings",
        [
            {"tiling": "published"},
            {"engine": "onnxruntime"},
            {"memory": 1},
            {"views": 8},
            {"batch_size": 1, "memory": 2},
            {"threads": 1},
        ],
    )
    def test_do_not_depend_on_how_they_are_computed(self, pixels, model, settings):
        assert np.array_equal(run(pixels, model, **settings).bits, run(pixels, model).bits)

    def test_are_decided_in_tiles_as_large_as_the_card_advises(self, tmp_path):
        model = str(save_pixel_model(tmp_path / "small", {"CR": 20}, memory=2))
        for memory, side in ((None, 176), (10**4, 1008)):
            plan = Masker(MaskSettings(model=model, memory=memory))._plan((1000, 1000))
            assert plan.tile_shape[0] <= side
            assert plan.tile_shape[0] * plan.tile_shape[1] * 100 <= (memory or 2) * 10**6

    def test_fractions_count_them(self, pixels, model):
        fractions = run(pixels, model).fractions
        assert fractions["CR"] == pytest.approx(11 / pixels.size)
        assert fractions["BG"] == 1
        assert fractions["NODATA"] == 0
        assert list(fractions)[-2:] == ["BG", "NODATA"]

    def test_bad_pixels_are_contaminants_but_not_sources(self, pixels, tmp_path):
        sources = str(save_pixel_model(tmp_path / "sources", {"BBG": 20, "SAT": 60}))
        result = run(pixels, sources)
        assert result.boolean("BBG").sum() == 11
        assert np.argwhere(result.bad()).tolist() == [[300, 400]]

    def test_nebulosity_and_fringes_are_bad_only_where_asked_for(self, pixels, tmp_path):
        faint = str(save_pixel_model(tmp_path / "faint", {"NEB": 20, "FR": 20, "SAT": 60}))
        result = run(pixels, faint, keep=True)
        assert np.argwhere(result.bad()).tolist() == [[300, 400]]
        assert result.bad("NEB").sum() == result.bad([*result.bad_classes, "fr"]).sum() == 11
        assert result.bad([]).sum() == 0
        assert result.to_ccddata(bad="NEB").mask.sum() == 11
        assert run(pixels, faint, bad=("NEB",)).bad().sum() == 11
        assert run(pixels, faint, classes=("NEB",)).bad().sum() == 0
        with pytest.raises(ConfigError, match="SAT was not asked for"):
            run(pixels, faint, classes=("NEB",)).bad("SAT")

    def test_pixels_without_data_are_always_bad(self, pixels, model):
        pixels[5, 7] = np.nan
        result = run(pixels, model, bad=("SAT",))
        assert result.bad()[5, 7]
        assert result.bad([])[5, 7]


class TestDecisions:
    def test_a_selection_has_only_its_classes(self, pixels, model):
        result = run(pixels, model, classes=("SAT",), keep=True)
        assert np.unique(result.bits).tolist() == [0, 512]
        assert result.probabilities.shape == (1, *pixels.shape)
        with pytest.raises(ConfigError, match="CR was not asked for"):
            result.boolean("CR")

    def test_thresholds_move_the_limit(self, pixels, model):
        assert run(pixels, model, thresholds={"CR": 1.0}).boolean("CR").sum() == 0
        # sharpness 4: a threshold of p lies log(p / (1 - p)) / 4 sigma above the limit
        faint = pixels.copy()
        faint[10, 10] = 500 + 5 * 21
        low, high = (run(faint, model, thresholds={"CR": t}).boolean("CR")[10, 10] for t in (0.01, 0.9999999))
        assert low
        assert not high

    def test_priors_change_probabilities_and_decisions_alike(self, pixels, model):
        result = run(pixels, model, priors={"CR": 1e-6}, keep=True)
        cosmic_rays = result.probabilities[0]
        assert np.array_equal(cosmic_rays > 0.5, result.boolean("CR"))
        assert result.priors["CR"] == 1e-6
        assert result.priors["SAT"] == 1e-3

    def test_auto_priors_find_the_proportions_of_the_frame(self, pixels, model):
        pixels[::20, ::5] = 500 + 5 * 40
        result = run(pixels, model, priors="auto", keep=True)
        assert result.priors["CR"] == pytest.approx(0.01, rel=0.05)
        assert np.array_equal(result.probabilities[0] > 0.5, result.boolean("CR"))

    def test_auto_priors_that_leave_their_bounds_are_the_defaults(self, pixels, model, caplog):
        pixels[:, ::9] = 500 + 5 * 40
        result = run(pixels, model, priors="auto")
        assert result.priors["CR"] == run(pixels, model, priors={}).priors["CR"]
        assert "priors of CR cannot be estimated from this frame; the defaults are used" in caplog.text

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"priors": {"CR": 0.0}}, "prior of CR: 0.0 is not between"),
            ({"priors": {"XX": 0.1}}, "unknown class 'XX'"),
            ({"thresholds": {"CR": 1.5}}, "threshold of CR: 1.5"),
            ({"classes": ()}, "no class is selected"),
            ({"batch_size": 0}, "batch size 0"),
            ({"views": 3}, "3 views"),
        ],
    )
    def test_wrong_settings_are_named(self, model, settings, message):
        with pytest.raises(ConfigError, match=message):
            Masker(MaskSettings(model=model, **settings))

    def test_the_published_tiles_want_a_network_that_takes_them(self, tmp_path):
        model = str(save_pixel_model(tmp_path / "others", {"CR": 20}, multiple=32))
        with pytest.raises(
            ConfigError, match="'tiny' takes no tiles of 400 px; use the published tiling with"
        ):
            Masker(MaskSettings(model=model, tiling="published"))


class TestMissingPixels:
    def test_have_their_own_plane_and_no_other(self, pixels, model):
        pixels[50:60, 50:60] = np.nan
        mask = np.zeros(pixels.shape, bool)
        mask[300, 400] = True
        result = run(pixels, model, mask=mask, keep=True)
        assert result.nodata.sum() == 101
        assert (result.bits[result.nodata] == 8192).all()
        assert np.array_equal(result.background, ~result.nodata)
        assert np.isnan(result.probabilities[:, result.nodata]).all()

    def test_leave_their_neighbours_alone(self, pixels, model):
        expected = run(pixels, model).bits.copy()
        pixels[250:290, 380:460] = np.nan
        result = run(pixels, model)
        assert np.array_equal(result.bits[~result.nodata], expected[~result.nodata])

    def test_everywhere_are_refused(self, model):
        with pytest.raises(FrameError, match="no valid pixels"):
            run(np.full((64, 64), np.nan), model)


class TestAreasOfOneValue:
    @settings(max_examples=10, deadline=None)
    @given(
        value=st.sampled_from([0, 250, 65535]),
        side=st.sampled_from(["left", "bottom"]),
        size=st.integers(24, 300),
        rays=st.integers(0, 5),
    )
    def test_leave_the_rest_as_missing_pixels_do(self, model, value, side, size, rays):
        generator = np.random.default_rng(rays)
        sky = np.rint(generator.normal(500, 5, (360, 420))).astype(np.float32)
        sky[generator.integers(0, 360, 40), generator.integers(0, 420, 40)] += 200
        area = np.zeros(sky.shape, bool)
        area[np.s_[:, :size] if side == "left" else np.s_[:size]] = True
        constant, missing = sky.astype(np.uint16), sky.copy()
        constant[area], missing[area] = value, np.nan
        bits, expected = (run(frame, model).bits for frame in (constant, missing))
        assert np.array_equal(bits[~area], expected[~area])
        # of a saturated area no larger than a star, marks are those of the network
        assert ((bits[area] & 512 != 0) if value == 65535 else bits[area] == 8192).all()

    def test_at_the_highest_level_are_saturated_where_they_are_large(self, pixels, model):
        pixels[:, :525] = 65535
        result = run(pixels, model, keep=True)
        assert result.fractions["SAT"] == pytest.approx(0.75)
        assert result.fractions["BG"] == pytest.approx(0.25)
        assert (result.bits[:, :525] == 512).all()
        saturated = result.probabilities[:, 10, 10]
        assert [c.name for c, p in zip(result.classes, saturated, strict=True) if p > 0] == ["SAT"]

    def test_at_the_highest_level_have_no_data_where_nobody_asked_for_saturation(self, pixels, model):
        pixels[:, :525] = 65535
        assert (run(pixels, model, classes=("CR",)).bits[:, :525] == 8192).all()

    def test_may_be_all_of_the_frame_if_it_is_saturated(self, pixels, model, caplog):
        pixels[:496] = 65535
        result = run(pixels, model, keep=True)
        assert result.fractions["SAT"] == pytest.approx(0.992)
        assert result.fractions["NODATA"] == pytest.approx(0.008)
        assert np.isnan(result.probabilities[:, 498, 0]).all()
        assert "saturated but for too few pixels" in caplog.text

    def test_in_previews_do_not_count_for_the_grey_levels(self, pixels, model):
        missing, empty = pixels.copy(), pixels.copy()
        missing[:, :300], empty[:, :300] = np.nan, 0
        pictures = [
            draw_preview(ArrayFrame(frame), run(frame, model), title="frame") for frame in (missing, empty)
        ]
        one, other = map(np.asarray, pictures)
        assert np.array_equal(one, other)

    def test_are_shown_to_the_network_under_the_published_rules(self, pixels, model):
        pixels[:, :300] = 0
        assert not run(pixels, model, rules="published").nodata.any()


class TestResult:
    def test_as_ccddata_has_mask_and_flags(self, pixels, model):
        ccd = run(pixels, model, keep=True).to_ccddata()
        assert np.array_equal(ccd.data, pixels)
        assert np.argwhere(ccd.mask)[-1].tolist() == [300, 400]
        assert ccd.flags[300, 400] == 513
        assert ccd.unit == units.dimensionless_unscaled

    def test_as_hdu_has_named_planes_and_provenance(self, pixels, model):
        header = run(pixels, model).to_hdu().header
        assert header["MSKN0000"] == "CR"
        assert header["MP_CR"] == 0
        assert header["MODEL"] == "tiny"
        assert header["THR_CR"] == 0.5

    def test_says_what_was_not_kept(self, pixels, model):
        result = run(pixels, model)
        with pytest.raises(ConfigError, match="keep_probabilities=True"):
            _ = result.probabilities
        with pytest.raises(ConfigError, match="keep_pixels=True"):
            result.to_ccddata()


class TestModels:
    def test_that_do_not_exist_are_named(self):
        with pytest.raises(ModelError, match="no model 'nowhere' for contaminants"):
            Masker(MaskSettings(model="nowhere"))

    def test_of_another_job_are_refused(self, tmp_path):
        from tests.tiny_models import save_mean_model

        with pytest.raises(ModelError, match="a model for tracking, not for contaminants"):
            Masker(MaskSettings(model=str(save_mean_model(tmp_path / "track"))))


def test_probabilities_that_find_no_room_on_the_disk_are_an_error(pixels, model, monkeypatch):
    """Pages of a mapped file that find no room end the process; so its room is taken at once."""

    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(posteriors, "LARGEST_ARRAY", 0)
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OutputError, match="has no room for"):
        run(pixels, model, keep=True)
