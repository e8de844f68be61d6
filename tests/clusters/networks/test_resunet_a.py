"""ResUNet-a where torch 2.14 corrupts memory: strided kernels of 1 x 1 on few channels, channels last."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("torch")

LEARN = """
import torch
from skysieve.clusters.networks.segmenters import build_segmenter

torch.set_num_threads(1)
network = build_segmenter("resunet-a", bands=6, classes=1, widths=(8, 16, 32, 48))
network = network.to(memory_format=torch.channels_last)
pixels = torch.randn(12, 6, 64, 64).to(memory_format=torch.channels_last)
for _ in range(4):
    network(pixels).square().mean().backward()
"""


def test_a_narrow_one_learns_and_the_process_lives():
    """In a process of its own, which the fault would kill."""
    done = subprocess.run([sys.executable, "-c", LEARN], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
