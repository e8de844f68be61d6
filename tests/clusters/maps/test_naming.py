"""Names of clusters: by place, cut off and never rounded."""

from __future__ import annotations

import numpy as np
import pytest

from skysieve.clusters.maps.naming import arcsecond_names, cluster_names, galactic_names
from skysieve.core.errors import ConfigError


@pytest.mark.parametrize(
    ("ra", "dec", "name"),
    [
        (0.0, 0.0, "J0000.0+0000"),
        (0.0249, 0.0166, "J0000.0+0000"),  # just below a tenth of a minute of time, and a minute of arc
        (0.025, 1 / 60, "J0000.1+0001"),
        (359.9999, 89.9999, "J2359.9+8959"),  # rounding would make 0000.0 and +9000
        (360.0, 90.0, "J0000.0+9000"),
        (-0.01, -0.5, "J2359.9-0030"),
        (375.0, -89.99, "J0100.0-8959"),
        (83.6331, -0.001, "J0534.5-0000"),  # the sign is that of the place, not of the digits
        (187.7059, 12.3911, "J1230.8+1223"),
    ],
)
def test_digits_are_cut_off(ra, dec, name):
    assert cluster_names([ra], [dec], prefix="SKS") == [f"SKS {name}"]


def test_every_edge_of_a_tenth_of_a_minute_begins_it():
    tenths = np.arange(14400)
    names = cluster_names(tenths * 0.025, np.zeros(14400), prefix="SKS")
    assert [name.split()[1] for name in names] == [
        f"J{t // 600:02d}{t % 600 // 10:02d}.{t % 10}+0000" for t in tenths
    ]


def test_names_of_one_place_are_told_apart_where_asked():
    places = [10.0, 20.0, 10.001], [5.0, 5.0, 5.001]
    assert cluster_names(*places, prefix="SKS") == [
        "SKS J0040.0+0500",
        "SKS J0120.0+0500",
        "SKS J0040.0+0500",
    ]
    assert cluster_names(*places, unique=True, prefix="SKS") == [
        "SKS J0040.0+0500a",
        "SKS J0120.0+0500",
        "SKS J0040.0+0500b",
    ]
    assert cluster_names([1.0] * 28, [1.0] * 28, unique=True, prefix="SKS")[-1].endswith("ab")


def test_published_names_are_made_of_their_places():
    assert galactic_names([0.04054325, 359.999], [45.135175, -0.009], prefix="PSZ2") == [
        "PSZ2 G000.04+45.13",
        "PSZ2 G359.99-00.00",
    ]
    assert arcsecond_names([238.49139154815396], [24.033658875415753], prefix="RM") == [
        "RM J155357.9+240201.1"
    ]


def test_a_prefix_has_letters_and_no_place_is_off_the_sky():
    with pytest.raises(ConfigError, match="prefix of names 'a/b': expected letters"):
        cluster_names([0.0], [0.0], prefix="a/b")
    with pytest.raises(ValueError, match="row 2: 1, 91 is no place"):
        cluster_names([0.0, 1.0], [0.0, 91.0], prefix="SKS")
    assert cluster_names([], [], prefix="SKS") == []
