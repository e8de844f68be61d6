"""Medians and means of known values, without warnings."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.frames.mask.known_values import mean_of, median_of


@pytest.mark.parametrize("axis", [0, 1])
def test_unknown_values_do_not_count(axis):
    values = np.random.default_rng(0).normal(size=(8, 9)).astype(np.float32)
    values[values > 0.8] = np.nan
    np.testing.assert_allclose(median_of(values, axis=axis), np.nanmedian(values, axis=axis), rtol=1e-6)
    np.testing.assert_allclose(mean_of(values, axis=axis), np.nanmean(values, axis=axis), rtol=1e-5)


def test_what_has_no_known_value_is_unknown():
    values = np.array([[np.nan, np.nan, np.nan], [1, np.nan, 3]], np.float32)
    np.testing.assert_array_equal(median_of(values, axis=1), [np.nan, 2])
    np.testing.assert_array_equal(mean_of(values, axis=1), [np.nan, 2])
    np.testing.assert_array_equal(median_of(values, axis=1, min_known=0.7), [np.nan, np.nan])
    assert np.isnan(median_of(values[:, :0], axis=1)).all()
