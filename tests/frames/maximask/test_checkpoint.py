"""Checkpoints of TensorFlow, read without it and trusted only when whole."""

from __future__ import annotations

import struct

import google_crc32c
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skysieve.core.errors import ModelError
from skysieve.frames.maximask.checkpoint import checkpoint_keys, read_checkpoint

SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
DTYPE_CODES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9}


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def masked_crc(data):
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def block(entries):
    """Return a table block: keys share prefixes with the key before, as LevelDB writes them."""
    out, before = b"", b""
    for key, value in entries:
        shared = 0
        while shared < min(len(before), len(key)) and before[shared] == key[shared]:
            shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    out += struct.pack("<II", 0, 1)
    return out, out + b"\0" + struct.pack("<I", masked_crc(out + b"\0"))


def write_checkpoint(tensors):
    """Write a one-shard checkpoint; an independent implementation of the format, for these tests."""
    data, entries = b"", [(b"", b"\x08\x01\x1a\x02\x08\x01")]
    places = {}
    for name, tensor in tensors.items():
        raw = tensor.tobytes()
        dims = b"".join(b"\x12" + varint(len(d)) + d for d in (b"\x08" + varint(n) for n in tensor.shape))
        places[(name + SUFFIX).encode()] = (
            b"\x08" + varint(DTYPE_CODES[tensor.dtype.name])
            + b"\x12" + varint(len(dims)) + dims
            + (b"\x20" + varint(len(data)) if data else b"")
            + b"\x28" + varint(len(raw))
            + b"\x35" + struct.pack("<I", masked_crc(raw))
        )  # fmt: skip
        data += raw
    places[b"_CHECKPOINTABLE_OBJECT_GRAPH"] = b"\x08\x07\x28\x02"
    entries += sorted(places.items())
    body, stored = block(entries)
    meta, stored_meta = block([])
    index_body, stored_index = block([(b"zz", varint(0) + varint(len(body)))])
    handles = varint(len(stored)) + varint(len(meta))
    handles += varint(len(stored) + len(stored_meta)) + varint(len(index_body))
    footer = handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    return stored + stored_meta + stored_index + footer, data + b"xx"


TENSORS: dict[str, np.ndarray] = {
    "conv1/kernel": np.arange(18, dtype=np.float32).reshape(3, 3, 1, 2),
    "conv1/bias": np.array([1.5, -2.5], np.float32),
    "step": np.array(7, np.int64),
    "wide": np.arange(200, dtype=np.float64),
}


def test_tensors_come_back_under_their_names():
    found = read_checkpoint(*write_checkpoint(TENSORS))
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert found[name].dtype == tensor.dtype
        assert np.array_equal(found[name], tensor)


def test_keys_are_known_without_the_data():
    index, _ = write_checkpoint(TENSORS)
    assert set(TENSORS) <= checkpoint_keys(index)


@given(cut=st.integers(0, 10**6))
def test_a_truncated_index_is_refused(cut):
    index, data = write_checkpoint(TENSORS)
    with pytest.raises(ModelError):
        read_checkpoint(index[: cut % len(index)], data)


@given(cut=st.integers(0, 10**6))
def test_truncated_data_are_refused(cut):
    index, data = write_checkpoint(TENSORS)
    with pytest.raises(ModelError, match="truncated"):
        read_checkpoint(index, data[: cut % (len(data) - 2)])


@settings(max_examples=200)
@given(place=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_a_flipped_byte_never_changes_a_tensor(place, flip):
    index, data = write_checkpoint(TENSORS)
    whole = bytearray(index + data[:-2])
    whole[place % len(whole)] ^= flip
    try:
        found = read_checkpoint(bytes(whole[: len(index)]), bytes(whole[len(index) :]))
    except ModelError:
        return
    # bytes of the metaindex and of padding are never read
    assert all(np.array_equal(found[name], tensor) for name, tensor in TENSORS.items())


@pytest.mark.parametrize("content", [b"", b"SIMPLE  =", bytes(48), b"\x89PNG" * 100])
def test_foreign_files_are_refused(content):
    with pytest.raises(ModelError, match="no LevelDB table"):
        read_checkpoint(content, b"")
