"""Parquet: batch by batch, with units, in bounded memory, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy import units
from astropy.table import QTable
from astropy.table.meta import get_header_from_yaml

from skysieve.core.errors import OutputError, SourceError
from skysieve.core.tables.parquet import Column, ParquetStream, read_batches, read_meta
from skysieve.core.tables.result_table import ResultTable, write_table

parquet = pytest.importorskip("pyarrow.parquet")


def rows(path):
    return [row for batch in read_batches(path) for row in batch.to_pylist()]


def fractions(files):
    table = QTable()
    table["file"] = [f"{name}.fits" for name in files]
    table["width"] = [120 for _ in files] * units.pix
    table["CR"] = [0.25 for _ in files] * units.dimensionless_unscaled
    table["CR"].info.description = "part of the pixels"
    return table


def test_later_batches_may_have_further_columns(tmp_path):
    path = tmp_path / "t.parquet"
    with ParquetStream(path, overwrite=False) as stream:
        stream.append({"file": Column(["a"]), "CR": Column(np.array([0.5]))})
        stream._flush()
        stream.append({"TRL": Column([0.1]), "file": Column(["bcd"])})
    assert rows(path) == [{"file": "a", "CR": 0.5, "TRL": None}, {"file": "bcd", "CR": None, "TRL": 0.1}]


def test_units_and_descriptions_are_kept_for_astropy_and_for_others(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(fractions("ab"), path)
    field = parquet.read_schema(path).field("width")
    assert field.metadata == {b"unit": b"pix"}
    columns = {
        one["name"]: one
        for one in get_header_from_yaml(read_meta(path)["table_meta_yaml"].split("\n"))["datatype"]
    }
    assert str(columns["width"]["unit"]) == "pix"
    assert columns["CR"]["description"] == "part of the pixels"
    assert read_meta(path)["table::len::file"] == "6"


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "t.parquet"
    write_table(fractions("a"), path)
    before = path.read_bytes()

    def fail():
        with ParquetStream(path, overwrite=True) as stream:
            stream.append({"file": Column(["b"])})
            stream._flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_table_that_is_there_is_kept(tmp_path):
    write_table(fractions("a"), tmp_path / "t.parquet")
    with pytest.raises(OutputError, match="exists"):
        write_table(fractions("a"), tmp_path / "t.parquet")


def test_another_file_is_no_parquet(tmp_path):
    (tmp_path / "t.parquet").write_text("text")
    with pytest.raises(SourceError, match=r"t\.parquet: cannot be read as a Parquet file"):
        read_meta(tmp_path / "t.parquet")


@pytest.mark.parametrize("ending", ["parquet", "ecsv"])
@pytest.mark.parametrize("batch", [1, 100])
def test_results_extend_those_of_other_files(tmp_path, monkeypatch, ending, batch):
    monkeypatch.setattr("skysieve.core.tables.result_table.BATCH", batch)
    path = tmp_path / f"t.{ending}"

    def write(names, **options):
        table = ResultTable[str, str](
            path, lambda found: fractions(found.values()), overwrite=False, **options
        )
        with table:
            for name in names:
                table.add(f"{name}.fits", name)
        assert table.written

    write("ab")
    write("bc", extend=True)
    found = [row["file"] for row in (rows(path) if ending == "parquet" else QTable.read(path))]
    assert sorted(found) == ["a.fits", "b.fits", "c.fits"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
def test_a_million_rows_take_less_than_200_mb(tmp_path):
    code = """
import resource, sys
from pathlib import Path
from tests.core.tables.test_parquet import fractions
from skysieve.core.tables.result_table import ResultTable

def make(found):
    return fractions([f"{number:06}/{ccd:02}" for number in found for ccd in range(62)])

with ResultTable(Path(sys.argv[1]), make, overwrite=False) as table:
    for number in range(16130):
        table.add(number, None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
    path = tmp_path / "t.parquet"
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, cwd=root
    )
    assert parquet.read_metadata(path).num_rows == 1_000_060
    assert int(done.stdout) < 200, done.stdout
