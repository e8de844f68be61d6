from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skysieve.core.report.panels import Layer, overlay_layers, shrink_bits, shrink_frame

RED, GREEN = (255, 0, 0), (0, 255, 0)


@st.composite
def masks_and_sizes(draw):
    height, width = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    bits = draw(hnp.arrays(np.int32, (height, width), elements=st.sampled_from([0, 0, 0, 1, 64, 8192])))
    return bits, (draw(st.integers(1, width)), draw(st.integers(1, height)))


class TestShrinkBits:
    @given(masks_and_sizes())
    def test_nothing_is_lost_and_nothing_added(self, example):
        bits, (width, height) = example
        shrunk = shrink_bits(bits, (width, height))
        assert shrunk.shape == (height, width)
        assert np.bitwise_or.reduce(shrunk, axis=None) == np.bitwise_or.reduce(bits, axis=None)
        assert np.count_nonzero(shrunk) <= np.count_nonzero(bits)

    def test_a_thin_line_stays_whole(self):
        bits = np.zeros((1000, 900), np.int16)
        bits[:, 451] = 2
        shrunk = shrink_bits(bits, (77, 91))
        assert np.count_nonzero(shrunk == 2, axis=1).tolist() == [1] * 91


class TestShrinkFrame:
    def test_a_brighter_pixel_is_a_lighter_grey(self):
        pixels = np.linspace(0, 100, 400, dtype=np.float32).reshape(20, 20)
        panel = shrink_frame(pixels, np.zeros((20, 20), bool), (20, 20))
        grey = panel.rgb[..., 0].ravel().astype(int)
        assert np.all(np.diff(grey) >= 0)
        assert grey[0] < 20
        assert grey[-1] > 100
        assert np.all(panel.rgb == panel.rgb[..., :1])
        assert panel.low < panel.high

    def test_means_leave_out_what_has_no_data(self):
        noise = np.random.default_rng(3).normal(100, 1, (60, 60)).astype(np.float32)
        nodata = np.zeros((60, 60), bool)
        nodata[::4, ::4] = True
        whole = shrink_frame(noise, np.zeros_like(nodata), (15, 15))
        holes = shrink_frame(np.where(nodata, np.float32(1e6), noise), nodata, (15, 15))
        assert abs(whole.low - holes.low) < 1
        assert abs(whole.high - holes.high) < 1

    @pytest.mark.parametrize("size", [(60, 60), (15, 15)])
    def test_what_is_no_sky_is_shown_but_does_not_count_for_the_limits(self, size):
        noise = np.random.default_rng(3).normal(100, 1, (60, 60)).astype(np.float32)
        bright, no_sky = noise.copy(), np.zeros((60, 60), bool)
        bright[:45], no_sky[:45] = 40_000, True
        nodata = np.zeros_like(no_sky)
        panel = shrink_frame(bright, nodata, size, no_sky=no_sky)
        assert 95 < panel.low < panel.high < 105
        assert (panel.rgb[:10] >= 250).all()
        assert shrink_frame(bright, nodata, size, no_sky=np.ones_like(no_sky)).high > 1000

    def test_where_there_is_no_data_is_no_grey(self):
        nodata = np.zeros((20, 20), bool)
        nodata[:10] = True
        rgb = shrink_frame(np.ones((20, 20), np.float32), nodata, (20, 20)).rgb
        assert np.all(rgb[:10, :, 2] > rgb[:10, :, 0])
        assert np.all(rgb[10:, :, 2] == rgb[10:, :, 0])

    @pytest.mark.parametrize("value", [0.0, -5.0, 1e30, np.nan, np.inf])
    @pytest.mark.parametrize("size", [(30, 20), (7, 5), (1, 1)])
    def test_a_frame_of_one_value_is_no_trouble(self, value, size):
        pixels = np.full((20, 30), value, np.float32)
        panel = shrink_frame(pixels, np.zeros((20, 30), bool), size)
        assert panel.rgb.shape == (size[1], size[0], 3)
        assert np.isfinite([panel.low, panel.high]).all()


class TestLayOver:
    GREY = np.full((9, 9, 3), 100, np.uint8)

    def test_the_first_layer_is_on_top(self):
        bits = np.zeros((9, 9), np.int16)
        bits[4, 4] = 1 | 2
        first_red = overlay_layers(self.GREY, bits, [Layer(1, RED, 0.01), Layer(2, GREEN, 0.01)])
        first_green = overlay_layers(self.GREY, bits, [Layer(2, GREEN, 0.01), Layer(1, RED, 0.01)])
        assert first_red[4, 4].argmax() == 0
        assert first_green[4, 4].argmax() == 1

    def test_only_masked_pixels_change(self):
        bits = np.zeros((9, 9), np.int16)
        bits[2, 3] = 1
        bits[5, 5] = 4
        picture = overlay_layers(self.GREY, bits, [Layer(1, RED, 0.01)])
        changed = np.any(picture != self.GREY, axis=2)
        assert np.argwhere(changed).tolist() == [[2, 3]]
        assert np.all(self.GREY == 100)

    def test_a_thin_feature_is_nearly_opaque_and_a_wide_one_lets_the_frame_through(self):
        bits = np.zeros((9, 9), np.int16)
        bits[1] = 1
        bits[3:8, 2:7] = 1
        picture = overlay_layers(self.GREY, bits, [Layer(1, RED, 0.01)])
        assert picture[1, 4, 0] > 230
        assert picture[3, 4, 0] > 230
        assert 150 < picture[5, 4, 0] < 200

    def test_a_plane_that_covers_much_is_drawn_lighter(self):
        bits = np.ones((9, 9), np.int16)
        little, much = (overlay_layers(self.GREY, bits, [Layer(1, RED, part)]) for part in (0.01, 0.9))
        assert 100 < much[4, 4, 0] < little[4, 4, 0]
