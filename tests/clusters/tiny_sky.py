"""Small skies whose clusters are known, and a network for clusters that is known by heart."""

from __future__ import annotations

import healpy
import numpy as np
from onnx import TensorProto, helper, numpy_helper
from tests.tiny_models import _save

from skysieve.clusters.maps.healpix_maps import write_healpix_map
from skysieve.clusters.physics.bands import band
from skysieve.clusters.search import model
from skysieve.core.models.card import Tiling

NSIDE = 256
BANDS = ("143", "217", "353")
SIGMA = (2e-5, 2e-5, 4e-5)
# The last one lies on the border of two units
CLUSTERS = ((40.0, 30.0), (38.5, 32.5), (42.2, 27.3))
THETA500 = 25.0
CUT = 15.0


def cluster_maps(seed=0, *, clusters=CLUSTERS, peak=4e-3):
    """Return maps ``(B, npix)`` of noise with clusters, RING, Galactic."""
    rng = np.random.default_rng(seed)
    maps = [rng.normal(0, sigma, 12 * NSIDE**2).astype(np.float32) for sigma in SIGMA]
    for lon, lat in clusters:
        centre = healpy.ang2vec(lon, lat, lonlat=True)
        pixels = healpy.query_disc(NSIDE, centre, np.radians(3.0))
        away = np.stack(healpy.pix2vec(NSIDE, pixels), -1) - centre
        radius = np.degrees(np.linalg.norm(away, axis=-1)) * 60 / THETA500
        y = peak * (1 + (2 * radius) ** 2) ** -1.5 * 1e-2
        for values, name in zip(maps, BANDS, strict=True):
            values[pixels] += (y * band(name).y_response).astype(np.float32)
    return np.array(maps)


def write_sky(folder, maps=None, *, bands=BANDS, part=None):
    """Write maps as the simulation names them; only the pixels of `part`, if it is given."""
    maps = cluster_maps() if maps is None else maps
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in zip(bands, maps, strict=True):
        write_healpix_map(
            folder / f"sky_{name}.fits",
            values if part is None else np.where(part, values, np.nan),
            nested=False,
            frame="G",
            unit="K_CMB",
            column="I_STOKES",
            overwrite=True,
            partial=part is not None,
        )
    return folder


def two_units():
    """Return which pixels ``(npix,)`` lie within 4.5 degrees of the first cluster, and in two units."""
    lon, lat = healpy.pix2ang(NSIDE, np.arange(12 * NSIDE**2), lonlat=True)
    return around(*CLUSTERS[0], 4.5) & np.isin(healpy.ang2pix(8, lon, lat, nest=True, lonlat=True), (12, 14))


def around(lon, lat, radius):
    """Return which pixels ``(npix,)`` lie within degrees of a place."""
    part = np.zeros(12 * NSIDE**2, bool)
    part[healpy.query_disc(NSIDE, healpy.ang2vec(lon, lat, lonlat=True), np.radians(radius))] = True
    return part


def save_sky_model(folder, *, limit=4.0, bands=BANDS, sky=None, **card):
    """Save a model for clusters that looks at single pixels.

    The log-odds are how far the last band is above the first one, in sigma, and twice the limit below 0.
    """
    slopes = np.zeros((1, len(bands), 1, 1), np.float32)
    slopes[0, 0], slopes[0, -1] = -1, 1
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["pixels", "slopes", "offset"], ["logits"]),
            helper.make_node("Sigmoid", ["logits"], ["probabilities"]),
        ],
        "sky",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", len(bands), "h", "w"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 1, "h", "w"])],
        [
            numpy_helper.from_array(slopes, "slopes"),
            numpy_helper.from_array(np.array([-2 * limit], np.float32), "offset"),
        ],
    )
    stated = {
        "bands": list(bands),
        "side": 64,
        "resolution": 1.7,
        "sigma": list(SIGMA[: len(bands)]),
        "offset": [],
        "stretch": False,
    }
    facts = {
        "name": "tiny-sky",
        "job": "clusters",
        "normalisation": model.CLUSTERS.normalisation,
        "classes": ("cluster",),
        "tiling": Tiling(multiple=1, remainder=0, minimum=64, margin=4),
        "training_priors": {"cluster": 0.01},
        "default_priors": {"cluster": 0.01},
        "default_thresholds": {"cluster": 0.5},
        "sky": stated | (sky or {}),
    }
    return _save(graph, folder, **(facts | card))
