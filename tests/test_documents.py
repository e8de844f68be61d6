"""Text, JSON and YAML files of strangers."""

from __future__ import annotations

import os

import pytest

from skysieve.core.documents import parse_json, parse_yaml, read_bytes, read_text
from skysieve.core.errors import ConfigError, SourceError

pytest.importorskip("yaml")


def json_of(text, **options):
    return parse_json(text, origin="a.json", error=SourceError, **options)


def yaml_of(text):
    return parse_yaml(text, origin="a.yaml", error=ConfigError, what="a recipe")


def test_a_file_is_read_without_the_mark_of_its_encoding(tmp_path):
    (tmp_path / "a").write_text("\ufeffnames", encoding="utf-8")
    assert read_text(tmp_path / "a", error=SourceError) == "names"


def test_a_file_that_is_too_large_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(bytes(101))
    assert len(read_bytes(tmp_path / "a", error=SourceError, limit=101)) == 101
    with pytest.raises(SourceError, match="has 101 bytes, more than the 100"):
        read_bytes(tmp_path / "a", error=SourceError, limit=100)


def test_a_folder_a_pipe_and_a_device_are_refused(tmp_path):
    kinds = {tmp_path: "a folder"}
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        kinds[tmp_path / "pipe"] = "a named pipe"
    if os.path.exists("/dev/zero"):  # noqa: PTH110
        (tmp_path / "device").symlink_to("/dev/zero")
        kinds[tmp_path / "device"] = "a device"
    for path, kind in kinds.items():
        with pytest.raises(ConfigError, match=f"is {kind}, not a regular file"):
            read_text(path, error=ConfigError)


@pytest.mark.parametrize("text", ["", "{", "NaN", "[1, Infinity]", "1e999", "9" * 5000])
def test_what_is_no_json_is_one_line(text):
    with pytest.raises(SourceError, match=r"^a.json: is no JSON: ") as caught:
        json_of(text)
    assert "\n" not in str(caught.value)


def test_numbers_that_python_writes_may_be_allowed():
    assert json_of("[Infinity, 1]", finite=False)[1] == 1


@pytest.mark.parametrize("depth", [65, 900, 10**6])
def test_json_that_is_nested_too_deep_is_refused(depth):
    with pytest.raises(SourceError, match="nested"):
        json_of("[" * depth + "]" * depth)
    with pytest.raises(SourceError, match="nested"):
        json_of('{"a":' * depth + "1" + "}" * depth)


@pytest.mark.parametrize("text", ["3", "null", '"a"', "[1, {}]"])
def test_json_of_any_form_is_read(text):
    json_of(text)


def test_yaml_of_several_documents_is_read():
    assert yaml_of("a: &x [1, 2]\nb: *x\n---\n- 1.5\n- 1_000\n- 0x10\n") == [
        {"a": [1, 2], "b": [1, 2]},
        [1.5, 1000, 16],
    ]
    assert yaml_of("") == []


def aliases(times, depth):
    """Return lines of which each repeats the one before: in all, times to the power of depth."""
    lines = [f"a0: &a0 [{', '.join(['x'] * times)}]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * times)}]" for n in range(1, depth)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as a recipe"),
        ("a: [1", "cannot be read as a recipe"),
        (aliases(10, 9), "stands for more than 200000 values"),
        (aliases(2, 60), "stands for more than 200000 values|nested"),
        ("a: &a [*a]", "nested more than 64 levels deep"),
        ("a: &a {b: *a, c: *a}", "stands for more than|nested more than"),
        ("[" * 70 + "]" * 70, "nested more than 64 levels deep"),
        ("[" * 10**5, "nested more than 64 levels deep"),
        ("- " * 10**4, "nested"),
        ("#" * 2**18 + "#", "has more than 262144 characters"),
        ("a: &a {x: 1}\nb: {<<: *a}", "merge keys .* are not read"),
        ("a: !!python/object/apply:os.system [ls]", "cannot be read as a recipe"),
        ("a: " + "9" * 5000, "a number has 5000 digits"),
        ("a: " + ":".join(["1"] * 10**5), "a number has 199999 digits"),
        ("a: 1970-99-99", "cannot be read as a recipe"),
        ("? [a]\n: b", "cannot be read as a recipe"),
        ("a: \x01", "cannot be read as a recipe"),
    ],
)
def test_yaml_that_costs_too_much_or_is_none_is_one_line(text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        yaml_of(text)
    assert str(caught.value).startswith("a.yaml: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
