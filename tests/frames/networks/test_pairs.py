"""The look at the autocorrelation: it finds two images at one distance, wherever they are."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from skysieve.frames.networks.tracking_net import MAX_LAG, Autocorrelation, TrackingNet


@pytest.fixture(scope="module")
def pairs():
    torch.manual_seed(1)
    made = TrackingNet((8, 16), (1, 1)).pairs
    assert made is not None
    return made.eval()


def seen(pairs: Autocorrelation, brightness):
    """Return the autocorrelation of the brightness that is looked at."""
    shown = []
    handle = pairs.look.register_forward_hook(lambda _module, inputs, _output: shown.append(inputs[0]))
    with torch.inference_mode():
        pairs(torch.from_numpy(brightness)[None, None], torch.zeros(1, 16, *brightness.shape))
    handle.remove()
    return shown[0][0, 0].numpy()


def field(jump):
    rng = np.random.default_rng(2)
    sky = np.zeros((80, 96), np.float32)
    for y, x in rng.integers(20, 60, (12, 2)):
        sky[y, x] += 3
        sky[y + jump[0], x + jump[1]] += 3
    return sky


@pytest.mark.parametrize("jump", [(7, 3), (-5, 9), (0, -12)])
def test_two_images_of_each_star_give_a_peak_at_their_distance(pairs, jump):
    found = seen(pairs, field(jump))
    assert found.shape == (2 * MAX_LAG + 1, 2 * MAX_LAG + 1)
    assert found[MAX_LAG, MAX_LAG] == found.max()
    y, x = np.mgrid[-MAX_LAG : MAX_LAG + 1, -MAX_LAG : MAX_LAG + 1]
    far = np.where(np.hypot(y, x) > 2, found, -1)
    place = np.unravel_index(far.argmax(), far.shape)
    assert (place[0] - MAX_LAG, MAX_LAG - place[1]) in (jump, (-jump[0], -jump[1]))  # mirrored
    assert far.max() > 0.35 * found.max()


def test_single_images_give_none(pairs):
    found = seen(pairs, field((0, 0)))
    y, x = np.mgrid[-MAX_LAG : MAX_LAG + 1, -MAX_LAG : MAX_LAG + 1]
    assert found[np.hypot(y, x) > 2].max() < 0.3 * found.max()
