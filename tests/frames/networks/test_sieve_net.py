"""What is special of our own networks."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from tests.core.networks.fill import filled, pixels

from skysieve.core.networks.blocks import asinh, macs_per_pixel
from skysieve.core.networks.margin import measure_margin
from skysieve.frames.networks.sieve_net import CONTEXT, DEPTHS, SieveNet
from skysieve.frames.networks.tracking_net import TrackingNet


class TestAsinh:
    def test_is_exact_from_one_to_a_million_sigma(self):
        x = np.concatenate([s * np.logspace(0, 6, 1000) for s in (-1, 1)]).astype(np.float32)
        found = asinh(torch.from_numpy(x)).double().numpy()
        exact = np.arcsinh(x.astype(np.float64))
        assert (np.abs(found / exact - 1) < 1e-6).all()

    def test_is_exact_to_a_millionth_of_sigma_below(self):
        x = np.linspace(-1, 1, 1001).astype(np.float32)
        assert np.abs(asinh(torch.from_numpy(x)).numpy() - np.arcsinh(x.astype(np.float64))).max() < 1e-6

    def test_is_finite_for_every_float32(self):
        assert asinh(torch.tensor([-3e38, 0, 3e38])).isfinite().all()

    def test_is_float32_whatever_the_network_computes_in(self):
        with torch.autocast("cpu", torch.bfloat16):
            assert asinh(torch.tensor([1000.0], dtype=torch.bfloat16)).dtype == torch.float32


class TestSieveNet:
    def test_begins_at_the_priors(self):
        torch.manual_seed(0)
        priors = [0.001, 0.1, 0.9]
        with torch.inference_mode():
            found = SieveNet(3, priors=priors).eval().probabilities(pixels(1, 1, 64, 64)).mean((0, 2, 3))
        assert found.tolist() == pytest.approx(priors, rel=0.5)

    def test_says_what_sides_it_takes(self):
        assert SieveNet().multiple == 32
        assert SieveNet(widths=(8, 16, 16), depths=(1, 1, 1)).multiple == 8

    def test_costs_the_same_at_every_size(self):
        network = SieveNet()
        assert macs_per_pixel(network, (64, 64)) == macs_per_pixel(network, (128, 96))

    def test_tells_neighbouring_pixels_apart(self):
        network = filled(SieveNet(3, widths=(8, 8), depths=(1, 1)))
        shown = torch.zeros(1, 1, 32, 32)
        shown[..., 16, 16] = 100
        with torch.inference_mode():
            change = (network(shown) - network(torch.zeros_like(shown)))[0, :, 16:18, 16:18].flatten(1)
        assert all(len(set(values)) == 4 for values in change.tolist())

    def test_of_a_shifted_frame_gives_the_shifted_result(self):
        network = filled(SieveNet(2, widths=(8, 8), depths=(1, 2)))
        frame = pixels(1, 1, 80, 80)
        with torch.inference_mode():
            one, other = network(frame[..., :64, :64]), network(frame[..., 4:68, 8:72])
        assert torch.allclose(one[..., 32:40, 32:40], other[..., 28:36, 24:32], atol=1e-5)

    def test_judges_regions_by_what_is_around(self):
        """Over 17 x 17 fours of pixels, of those that there are at borders; other classes as they are."""
        plain, network = (
            filled(SieveNet(3, widths=(8, 8), depths=(1, 1), regions=regions)) for regions in ((), (1,))
        )
        frame = pixels(1, 1, 48, 56)
        with torch.inference_mode():
            before, found = plain(frame)[0], network(frame)[0]
        assert torch.equal(found[[0, 2]], before[[0, 2]])
        for y, x in ((0, 0), (24, 30), (47, 20)):
            rows, columns = (slice(max(0, 2 * (at // 2) - 16), 2 * (at // 2) + 18) for at in (y, x))
            assert found[1, y, x] == pytest.approx(float(before[1, rows, columns].mean()), abs=1e-4)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"widths": (8, 8), "depths": (1,)}, "2 widths and 1 depths"),
            ({"classes": 3, "priors": [0.5]}, "1 priors for 3 classes"),
            ({"context": (0, 1)}, r"context \[0, 1\]: expected one number for each of 5 widths"),
            ({"context": (0, 0, 0, 0, 4)}, "each 0 to 3"),
        ],
    )
    def test_refuses_what_does_not_go_together(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            SieveNet(**arguments)


class TestContext:
    """Blocks of dilated convolutions at the coarsest levels."""

    def test_changes_nothing_before_it_has_learnt(self):
        torch.manual_seed(0)
        plain = SieveNet(3, widths=(8, 16), depths=(1, 1)).eval()
        network = SieveNet(3, widths=(8, 16), depths=(1, 1), context=(0, 2)).eval()
        missing, unexpected = network.load_state_dict(plain.state_dict(), strict=False)
        assert missing
        assert not unexpected
        shown = pixels(1, 1, 64, 64)
        with torch.inference_mode():
            assert torch.equal(network(shown), plain(shown))

    @pytest.mark.parametrize(("context", "farthest"), [((), 100), (CONTEXT, 400)])
    def test_sees_several_hundred_pixels(self, context, farthest):
        """How far from a changed pixel the logits still change."""
        network = filled(SieveNet(2, widths=(4, 4, 4, 8, 8), depths=DEPTHS, context=context))
        shown = torch.zeros(1, 1, 32, 1024)
        changed = shown.clone()
        changed[..., 0] = 1e4
        with torch.inference_mode():
            change = (network(changed) - network(shown)).abs().amax((0, 1, 2))
        reach = int(torch.nonzero(change > 0)[-1])
        assert reach > farthest


class TestMargin:
    def test_is_the_reach_of_the_convolutions(self):
        """Stem, encoder and decoder see one pixel of the half resolution each: 3 x 2 pixels."""
        network = filled(SieveNet(4, widths=(8,), depths=(1,)))
        assert measure_margin(network, pixels(2, 1, 64, 64), border=16, tolerance=0) == 4

    def test_grows_with_the_levels_and_shrinks_with_what_is_tolerated(self):
        network = filled(SieveNet(4, widths=(8, 8, 8), depths=(1, 1, 1)))
        seen = pixels(2, 1, 160, 160)
        exact = measure_margin(network, seen, border=32, tolerance=0)
        assert 4 < measure_margin(network, seen, border=32, tolerance=0.01, part=0.1) < exact < 48

    @pytest.mark.parametrize("border", [0, 8, 32])
    def test_needs_a_border_that_leaves_a_tile(self, border):
        with pytest.raises(ValueError, match="border"):
            measure_margin(
                filled(SieveNet(2, widths=(8,) * 4, depths=(1,) * 4)), pixels(1, 1, 64, 64), border=border
            )


class TestTrackingNet:
    def test_does_not_look_beyond_the_last_multiple(self):
        network = filled(TrackingNet())
        frame = pixels(1, 1, 100, 70)
        with torch.inference_mode():
            assert torch.equal(network(frame), network(frame[..., :96, :64]))

    def test_finds_one_star_in_any_amount_of_sky(self):
        """The mean over places thins a star out; attention does not."""
        network = filled(TrackingNet())
        network.attention.weight.data.fill_(2.0)

        def change(side):
            sky = pixels(1, 1, side, side) / 8
            star = sky.clone()
            star[..., 40:56, 40:56] += 500
            with torch.inference_mode():
                return float((network(star) - network(sky)).abs())

        assert change(256) > 0.3 * change(96)

    def test_says_of_every_place_how_far_its_images_were_drawn_out(self):
        logit, smear, brightness = filled(TrackingNet()).forward_all(pixels(2, 1, 64, 96))
        assert (logit.shape, smear.shape, brightness.shape) == ((2, 1), (2, 2, 4, 6), (2, 1, 4, 6))
        assert 0 <= brightness.min() <= brightness.max() <= 1
