"""A list of files done in shards: which files, what the manifests say, and how they are merged."""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import subprocess
import sys

import pytest
from tests.cli.command import failure, leftovers, run_in, sky, write
from tests.tiny_models import save_pixel_model

pytest.importorskip("pyarrow")

from skysieve.core.execution.manifest import read_manifest

NAMES = [f"n/{number}.fits" for number in range(5)]
BAD = "n/bad.fits"
SHARDS = (1, 2)


def mask(folder, *arguments):
    return run_in(folder, "mask", "--model", "tiny", "-o", "out/", *arguments)


@pytest.fixture(scope="module")
def night(tmp_path_factory, cache, networks):
    """A list whose two shards are done, one of its files is damaged."""
    folder = tmp_path_factory.mktemp("night")
    save_pixel_model(folder / "tiny", {"CR": 20, "SAT": 60, "BG": -1e4})
    for number, name in enumerate(NAMES):
        write(folder / name, sky(number))
    (folder / BAD).write_bytes(b"SIMPLE  = nothing")
    (folder / "list").write_text("\n".join([*NAMES, BAD]))
    for number in SHARDS:
        mask(folder, "--files-from", "list", "--shard", f"{number}/2", "--manifest", "m/")
    return folder


@pytest.fixture
def copy(night, tmp_path):
    shutil.copytree(night, tmp_path, dirs_exist_ok=True)
    return tmp_path


def manifest(folder, number, count=2):
    return folder / "m" / f"shard-{number:04}-of-{count:04}.parquet"


def rows(path):
    return {row["path"]: row for row in read_manifest(path)}


class TestAManifest:
    def test_says_what_became_of_each_file(self, night):
        found = {name: row for number in SHARDS for name, row in rows(manifest(night, number)).items()}
        assert sorted(found) == sorted([*NAMES, BAD])
        for name in NAMES:
            row = found[name]
            product = night / row["product"]
            assert row["status"] == "done"
            assert row["checksum"] == hashlib.sha256(product.read_bytes()).hexdigest()
            assert row["bytes"] == product.stat().st_size
            assert row["CR"] == pytest.approx(1 / 10_800)
            assert row["seconds"] > 0
        assert found[BAD]["status"] == "failed"
        assert found[BAD]["error"].startswith(f"{BAD}: the header of HDU 0")
        assert not leftovers(night)

    def test_of_an_interrupted_run_names_what_was_not_reached(self, copy):
        fcntl = pytest.importorskip("fcntl")
        names = [f"n/more{number}.fits" for number in range(24)]
        for name in names:
            shutil.copy(copy / NAMES[0], copy / name)
        # lines so long that they do not fit into the pipe: the command waits for who reads them
        command = [sys.executable, "-m", "skysieve", "mask", "--model", "tiny", "-o", f"{'long' * 56}/"]
        with subprocess.Popen(
            [*command, *names, "--manifest", "all.parquet"],
            cwd=copy,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            if hasattr(fcntl, "F_SETPIPE_SZ"):
                fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=120)
        assert process.returncode == 130
        found = rows(copy / "all.parquet")
        assert sorted(found) == sorted(names)
        states = [row["status"] for row in found.values()]
        assert states.count("done") >= 1
        assert states.count("missing") >= 1

    def test_of_a_killed_run_keeps_what_was_done(self, copy):
        rest = copy / "m" / "shard-0001-of-0001.rows"
        kept = rows(manifest(copy, 1))
        from skysieve.core.execution.manifest import HEADER_KEY, ManifestHeader
        from skysieve.core.execution.shards import Shard
        from skysieve.core.tables.row_files import RowFile

        header = ManifestHeader.read(manifest(copy, 1))
        stream = RowFile(rest)
        whole = ManifestHeader(header.run, header.list_id, header.files, Shard())
        stream.append({HEADER_KEY: whole.to_json()})
        for row in kept.values():
            stream.append(row)
        stream.close()
        with rest.open("a") as torn:
            torn.write('{"path": "n/')
        assert "was cut off" in failure(mask(copy, "--files-from", "list", "--manifest", "m/"))
        done = sum(row["status"] == "done" for row in kept.values())
        result = mask(copy, "--files-from", "list", "--manifest", "m/", "--resume")
        # the products of the other shard are there, too
        assert result.out.startswith("5 of 6 files are done already\n")
        found = rows(manifest(copy, 1, 1))
        assert sorted(name for name, row in found.items() if row["status"] == "done") == NAMES
        assert sum("seconds" in row for row in found.values()) == done
        products = {name: copy / found[name]["product"] for name in NAMES}
        assert all(found[name]["bytes"] == path.stat().st_size for name, path in products.items())
        assert not rest.exists()


class TestResume:
    def test_does_only_what_is_not_done(self, copy):
        number = next(n for n in SHARDS if BAD in rows(manifest(copy, n)))
        before = rows(manifest(copy, number))
        gone, *_ = [name for name, row in before.items() if row["status"] == "done"]
        (copy / before[gone]["product"]).unlink()
        write(copy / BAD, sky(5))
        # in another order, the list is the same
        (copy / "list").write_text("\n".join(random.Random(1).sample([*NAMES, BAD], 6)))  # noqa: S311
        result = mask(copy, "--files-from", "list", "--shard", f"{number}/2", "--manifest", "m/", "--resume")
        assert result.code == 0
        lines = result.out.splitlines()
        assert lines[1] == f"{len(before) - 2} of {len(before)} files are done already"
        assert {line.split()[0] for line in lines if "->" in line} == {gone, BAD}
        after = rows(manifest(copy, number))
        assert {row["status"] for row in after.values()} == {"done"}
        assert {name: after[name] for name in before if name not in (gone, BAD)} == {
            name: row for name, row in before.items() if name not in (gone, BAD)
        }

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ("list", "is of another list of files (6 and 5 files)"),
            ("settings", "is of another run (views: 1 and 2)"),
            ("nothing", "shard-0001-of-0002.parquet exists; use --overwrite"),
        ],
    )
    def test_of_something_else_is_one_line(self, copy, change, message):
        if change == "list":
            (copy / "list").write_text("\n".join(NAMES))
        before = manifest(copy, 1).read_bytes()
        more = {"settings": ["--views", "2", "--resume"], "list": ["--resume"], "nothing": []}[change]
        line = failure(mask(copy, "--files-from", "list", "--shard", "1/2", "--manifest", "m/", *more))
        assert message in line
        assert manifest(copy, 1).read_bytes() == before

    def test_without_products_needs_a_manifest(self, copy):
        assert "needs a --manifest" in failure(run_in(copy, "track", "n", "--resume"))


class TestMerge:
    def test_writes_one_table_and_names_what_failed(self, night, tmp_path):
        table = tmp_path / "night.parquet"
        result = run_in(night, "merge", "m", "-o", table)
        assert result.code == 1
        assert result.out == f"2 of 2 shards, 6 files: 5 done, 1 failed\ntable: {table}\n"
        assert result.err.startswith(f"skysieve: 1 failed:\n  {BAD}: the header")
        assert sorted(rows(table)) == sorted([*NAMES, BAD])

    def test_names_shards_that_are_missing(self, copy):
        manifest(copy, 2).unlink()
        result = run_in(copy, "merge", "m", "-o", "night.parquet")
        assert result.code == 1
        assert "skysieve: error: no manifest of shard 2 of 2\n" in result.err
        assert not (copy / "night.parquet").exists()
        assert run_in(copy, "merge", "m", "-o", "night.parquet", "--partial").code == 1
        assert len(rows(copy / "night.parquet")) == len(rows(manifest(copy, 1)))

    def test_names_shards_that_were_cut_off(self, copy):
        manifest(copy, 2).rename(copy / "whole.parquet")
        mask(copy, "--files-from", "list", "--shard", "2/2", "--manifest", "m/", "--overwrite")
        from skysieve.core.execution.manifest import HEADER_KEY, ManifestHeader
        from skysieve.core.tables.row_files import RowFile

        rest = manifest(copy, 2).with_suffix(".rows")
        stream = RowFile(rest)
        stream.append({HEADER_KEY: ManifestHeader.read(manifest(copy, 2)).to_json()})
        stream.close()
        manifest(copy, 2).unlink()
        result = run_in(copy, "merge", "m", "-o", "night.parquet")
        assert "error: shard 2/2 was cut off, see m/shard-0002-of-0002.rows" in result.err

    def test_names_what_is_there_twice(self, copy):
        shutil.copy(manifest(copy, 1), copy / "m" / "again.parquet")
        result = run_in(copy, "merge", "m", "-o", "night.parquet")
        assert (
            "error: shard 1/2 is there 2 times: m/again.parquet, m/shard-0001-of-0002.parquet" in result.err
        )
        assert f"error: {len(rows(manifest(copy, 1)))} files are in two manifests" in result.err
        assert not (copy / "night.parquet").exists()

    def test_of_two_runs_is_refused(self, copy):
        mask(copy, *NAMES, "--shard", "2/2", "--manifest", "other/", "--overwrite")
        line = failure(run_in(copy, "merge", "m", "other", "-o", "night.parquet"))
        assert "other/shard-0002-of-0002.parquet: is of another list of files (5 and 6 files)" in line

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["none", "-o", "x.parquet"], "none: no such manifest or folder"),
            (["n", "-o", "x.parquet"], "no manifests there"),
            (["m", "-o", "x.ecsv"], "x.ecsv: the table is a Parquet file"),
            ([BAD, "-o", "x.parquet"], f"{BAD}: cannot be read as a Parquet file"),
        ],
    )
    def test_of_something_else_is_one_line(self, night, arguments, message):
        assert message in failure(run_in(night, "merge", *arguments))


class TestShards:
    @pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2/3"])
    def test_out_of_range_are_one_line(self, night, shard):
        assert f"--shard {shard}: " in failure(mask(night, *NAMES, "--shard", shard))

    def test_more_than_there_are_files_are_fine(self, copy):
        options = ["--manifest", "few/", "--overwrite"]
        results = [mask(copy, NAMES[0], "--shard", f"{k}/3", *options) for k in (1, 2, 3)]
        assert [result.code for result in results] == [0, 0, 0]
        merged = run_in(copy, "merge", "few", "-o", "few.parquet")
        assert (merged.code, merged.out) == (0, "3 of 3 shards, 1 files: 1 done\ntable: few.parquet\n")

    def test_never_share_a_product(self, copy):
        for number in range(4):
            write(copy / "a" / str(number) / "x.fits", sky(number))
        names = [f"a/{number}/x.fits" for number in range(4)]
        write(copy / "a" / "y.fits", sky())
        results = [mask(copy, *names, "a/y.fits", "--shard", f"{k}/5", "--overwrite") for k in range(1, 6)]
        conflicts = [
            line for one in results for line in one.err.splitlines() if "its product would be" in line
        ]
        assert len({line.split(": ")[2] for line in conflicts}) == 3
        assert sum(one.out.count("x.mask.fits") for one in results) == 1


class TestAList:
    def test_is_never_expanded(self, night, tmp_path):
        (tmp_path / "list").write_text("n/*.fits\n")
        assert "n/*.fits" in failure(mask(night, "--files-from", tmp_path / "list"))

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "empty: the list is empty; write one file name a line"),
            ("# nothing\n\n", "empty: the list is empty"),
            ("a.fits[]\n", "empty, line 1: 'a.fits[]': [] names no HDU"),
            (None, "empty: no such list"),
        ],
    )
    def test_without_files_is_one_line(self, tmp_path, content, message):
        path = tmp_path / "empty"
        if content is not None:
            path.write_text(content)
        assert message in failure(run_in(tmp_path, "mask", "--files-from", "empty"))


def test_shards_depend_on_the_names_only():
    from skysieve.core.execution.shards import Shard, list_id

    names = [f"exposure {number}.fits" for number in range(1003)]
    shuffled = random.Random(2).sample(names, len(names))  # noqa: S311
    shards = [Shard(k, 10).of(names) for k in range(1, 11)]
    assert [sorted(Shard(k, 10).of(shuffled)) for k in range(1, 11)] == [sorted(shard) for shard in shards]
    assert sorted(name for shard in shards for name in shard) == sorted(names)
    assert {len(shard) for shard in shards} == {100, 101}
    assert list_id(names) == list_id(shuffled) != list_id(names[1:])
    # on any machine, in any version
    assert Shard(1, 3).of(["a.fits", "b.fits", "c.fits", "d.fits"]) == ["b.fits", "c.fits"]
