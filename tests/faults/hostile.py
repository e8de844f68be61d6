"""Cards, graphs, maps and annotations from people who mean no good, or whose disks failed."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from astropy.io import fits
from onnx import TensorProto, helper
from tests.clusters.tiny_sky import cluster_maps, two_units, write_sky
from tests.faults.frames import simulated_pixels
from tests.faults.mutations import mutate
from tests.faults.processes import temporary_files
from tests.faults.tally import Ended, Tally
from tests.ghosts.annotated import all_shapes, coco, project, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.random import Generator
    from tests.faults.models import Models

__all__ = ["hostile_descriptions"]

SLOWEST = 180.0
"""Seconds of one case."""

HUGE = 10**30
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 2, 1e308, float("nan"), float("inf"), HUGE, "", "x" * 100_000, "../../../etc/passwd",
    "/dev/zero", "\x1b[2J", "a\nb", [], [1], ["a"] * 1000, {}, {"a": 1}, [[[[[[]]]]]], {"CR": 2}, {"CR": -1},
    {"CR": float("nan")}, {"CR": "high"}, {"nothing": 0.5},
)  # fmt: skip


def hostile_descriptions(folder: Path, models: Models, cases: range, seed: int) -> list[Tally]:
    """Give something of each kind for each case to the verbs that read it."""
    tallies = []
    makers = {
        "cards of models": _cards,
        "graphs of models": _graphs,
        "maps of the sky": _maps,
        "annotations": _annotations,
    }
    for name, make in makers.items():
        place = folder / name.split()[0]
        place.mkdir(parents=True)
        tally = Tally(f"hostile {name}")
        made = list(make(place, models, len(cases), np.random.default_rng([seed, cases.start])))
        for case, ended in zip(made, _run(made, place), strict=True):
            tally.cases += 1
            tally.facts["refused"] += ended.code == 1
            tally.read(ended, {0, 1}, f"{name}, {case['what']}")
        hidden = temporary_files(place)
        if hidden:
            tally.note("temporary files", f"{hidden[:3]}", len(hidden))
        tallies.append(tally)
    return tallies


def _run(cases: list[dict[str, Any]], folder: Path) -> list[Ended]:
    """Run all cases, and begin anew behind each that crashes or hangs."""
    listed, results = folder / "cases.json", folder / "results.txt"
    listed.write_text(json.dumps(cases))
    results.touch()
    ended: list[Ended] = []
    while len(ended) < len(cases):
        words = [sys.executable, "-m", "tests.faults.serve", listed, results, len(ended)]
        log = folder / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(list(map(str, words)), stdout=output, stderr=output)
        before, since = len(ended), time.monotonic()
        while process.poll() is None and time.monotonic() - since < SLOWEST:
            time.sleep(0.05)
            done = results.read_bytes().count(b"\n")
            if done > before:
                before, since = done, time.monotonic()
        hung = process.poll() is None
        process.kill()
        process.wait()
        lines = results.read_text().splitlines()
        ended = [Ended(*json.loads(line)) for line in lines]
        if len(ended) < len(cases):
            code = None if hung else process.returncode
            line = json.dumps([code, "", log.read_bytes().decode("utf-8", "replace")[-2000:]])
            with results.open("a") as file:
                file.write(line + "\n")
            ended.append(Ended(*json.loads(line)))
    return ended


def _case(folder: Path, what: str, *words: object) -> dict[str, Any]:
    return {"folder": str(folder), "what": what, "words": [str(word) for word in words]}


def _frame(folder: Path) -> str:
    fits.PrimaryHDU(simulated_pixels(1)).writeto(folder / "frame.fits")
    return "frame.fits"


def _places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return where values stand in a document, as keys and indices."""
    if path:
        yield path
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _places(value, (*path, key))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from _places(value, (*path, number))


def _changed(tree: Any, rng: Generator) -> tuple[str, Any]:
    """Return a document in which something is missing, or has another value."""
    tree = copy.deepcopy(tree)
    places = list(_places(tree))
    path = places[int(rng.integers(len(places)))]
    inner = tree
    for key in path[:-1]:
        inner = inner[key]
    if rng.random() < 0.15:
        del inner[path[-1]]
        return f"without {path}", tree
    value = VALUES[int(rng.integers(len(VALUES)))]
    inner[path[-1]] = value
    return f"{path} = {str(value)[:40]!r}", tree


def _text(tree: Any, rng: Generator) -> tuple[str, bytes]:
    """Return the text of a changed document, or a damaged text of the document itself."""
    kind = rng.random()
    if kind < 0.75:
        what, changed = _changed(tree, rng)
        return what, json.dumps(changed).encode()
    text = bytearray(json.dumps(tree).encode())
    if kind < 0.85:
        for _ in range(3):
            text[int(rng.integers(len(text)))] ^= 1 << int(rng.integers(8))
        return "flipped bits", bytes(text)
    if kind < 0.93:
        return "cut", bytes(text[: int(rng.integers(len(text)))])
    odd = [b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe\x00", b"null", b"1e999", b"[1]", b"", b"\x00" * 1000]
    return "no such document", odd[int(rng.integers(len(odd)))]


def _cards(folder: Path, models: Models, count: int, rng: Generator) -> Iterator[dict[str, Any]]:
    frame = _frame(folder)
    card = json.loads((models.mask / "card.json").read_text())
    for number in range(count):
        model = folder / f"m{number}"
        shutil.copytree(models.mask, model)
        what, text = _text(card, rng)
        (model / "card.json").write_bytes(text)
        yield _case(folder, what, "mask", frame, "-o", f"{number}.fits", "--model", model, "--quiet")


def _graphs(folder: Path, models: Models, count: int, rng: Generator) -> Iterator[dict[str, Any]]:
    frame = _frame(folder)
    whole = (models.mask / "tiny.onnx").read_bytes()
    for number in range(count):
        model = folder / f"m{number}"
        shutil.copytree(models.mask, model)
        what, content = _graph(whole, rng)
        (model / "tiny.onnx").write_bytes(content)
        card = json.loads((model / "card.json").read_text())
        if rng.random() < 0.9:  # else the checksum tells
            card["graphs"][0]["sha256"] = hashlib.sha256(content).hexdigest()
        (model / "card.json").write_text(json.dumps(card))
        engine = ("openvino", "onnxruntime")[number % 2]
        words = ["mask", frame, "-o", f"{number}.fits", "--model", model, "--engine", engine, "--quiet"]
        yield _case(folder, f"{what}, {engine}", *words)


def _graph(whole: bytes, rng: Generator) -> tuple[str, bytes]:
    kind = rng.random()
    if kind < 0.3:
        content = bytearray(whole)
        for _ in range(int(rng.integers(1, 6))):
            content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
        return "graph with flipped bits", bytes(content)
    if kind < 0.4:
        return "cut graph", whole[: int(rng.integers(len(whole)))]
    model = onnx.load_from_string(whole)
    graph = model.graph
    changes: dict[str, Callable[[], Any]] = {
        "another name of the input": lambda: setattr(graph.input[0], "name", "other"),
        "another name of the output": lambda: setattr(graph.output[0], "name", "other"),
        "an unknown operator": lambda: setattr(graph.node[0], "op_type", "NoSuchThing"),
        "no nodes": lambda: graph.ClearField("node"),
        "no weights": lambda: graph.ClearField("initializer"),
        "no output": lambda: graph.ClearField("output"),
        "an unknown version": lambda: setattr(model.opset_import[0], "version", 999),
        "weights of NaN": lambda: _fill(graph, float("nan")),
        "huge weights": lambda: _fill(graph, 3e38),
        "another type": lambda: setattr(graph.input[0].type.tensor_type, "elem_type", TensorProto.INT64),
        "weights of another shape": lambda: graph.initializer[0].dims.__setitem__(0, 3),
        "negative dimensions": lambda: graph.initializer[0].dims.__setitem__(0, -7),
        "huge dimensions": lambda: graph.initializer[0].dims.__setitem__(0, 2**50),
        "weights in another file": lambda: _external(graph),
        "a node twice": lambda: graph.node.append(graph.node[0]),
        "a circle": lambda: graph.node[0].input.__setitem__(0, graph.output[0].name),
        "one more input": lambda: graph.input.append(
            helper.make_tensor_value_info("more", TensorProto.FLOAT, [1])
        ),
    }
    name = list(changes)[int(rng.integers(len(changes)))]
    changes[name]()
    return name, model.SerializeToString()


def _fill(graph: Any, value: float) -> None:
    for tensor in graph.initializer:
        size = int(np.prod(tensor.dims))
        tensor.raw_data = np.full(size, value, np.float32).tobytes()


def _external(graph: Any) -> None:
    tensor = graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "../../../../etc/passwd"), ("offset", "0"), ("length", "16")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def _maps(folder: Path, models: Models, count: int, rng: Generator) -> Iterator[dict[str, Any]]:
    source = write_sky(folder / "whole", cluster_maps(), part=two_units())
    paths = sorted(source.glob("*.fits"))
    for number in range(count):
        place = folder / f"s{number}"
        place.mkdir()
        changed = paths[int(rng.integers(len(paths)))]
        for path in paths:
            if path is not changed:
                (place / path.name).hardlink_to(path)
        kind = rng.random()
        content = changed.read_bytes()
        if kind < 0.5:
            what, content = mutate(content, rng)
        else:
            what, content = _map_lie(content, rng)
        (place / changed.name).write_bytes(content)
        words = ["clusters", "find", "--maps", place, "-o", f"o{number}", "--finder", "network", "--quiet"]
        words += ["--model", models.clusters, "--threshold", "0.1", "--least-pixels", "1"]
        if number % 10 == 9:
            words = ["clusters", "find", "--maps", source, "--mask", place / changed.name, *words[4:]]
        yield _case(folder, what, *words)


def _map_lie(content: bytes, rng: Generator) -> tuple[str, bytes]:
    """Return a map whose header is valid, and says of its pixels what is not so."""
    names: tuple[str, ...] = (
        "NSIDE",
        "ORDERING",
        "INDXSCHM",
        "COORDSYS",
        "TUNIT1",
        "TUNIT2",
        "TFORM1",
        "TFORM2",
        "TTYPE1",
    )
    names += ("TTYPE2", "NAXIS1", "NAXIS2", "FIRSTPIX", "LASTPIX", "PIXTYPE", "OBJECT", "TFIELDS", "GRAIN")
    values: tuple[Any, ...] = (
        0,
        -1,
        3,
        7,
        8192,
        2**29,
        2**40,
        HUGE,
        "RING",
        "NESTED",
        "X",
        "",
        "1024E",
        "1J",
    )
    values += ("0E", "A", "K_CMB", "parsec / fortnight", "EXPLICIT", "IMPLICIT", 1.5, True, 10**9)
    name, value = str(rng.choice(names)), values[int(rng.integers(len(values)))]
    text = f"'{value:<8}'" if isinstance(value, str) else "T" if value is True else str(value)
    card = f"{name:<8}= {text:>20}".ljust(80)[:80].encode()
    changed = bytearray(content)
    at = changed.find(f"{name:<8}=".encode(), 2880)
    if at < 0:
        at = changed.find(b"END     ", 2880)
        changed[at + 80 : at + 160] = b"END".ljust(80)
    changed[at : at + 80] = card
    return f"{name} = {value!r}", bytes(changed)


def _annotations(folder: Path, models: Models, count: int, rng: Generator) -> Iterator[dict[str, Any]]:
    via = project(all_shapes("a.jpg"), record("b.jpg"))
    outline = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 6, "bbox": [1, 1, 4, 3]}
    runs = {"size": [6, 8], "counts": [10, 3, 3, 3, 29]}
    trees = [
        via,
        coco(outline | {"segmentation": [[1, 1, 5, 1, 5, 4]]}),
        coco(outline | {"segmentation": runs, "iscrowd": 1}),
    ]
    for number in range(count):
        what, text = _text(trees[number % len(trees)], rng)
        (folder / f"{number}.json").write_bytes(text)
        verb = ("check", "convert")[number // 2 % 2]
        more = (
            [] if verb == "check" else ["-o", f"{number}.out.json", "--to", ("coco", "via")[number // 4 % 2]]
        )
        yield _case(folder, what, "annotations", verb, f"{number}.json", *more)
