"""``skysieve clusters match``: tables cross-matched with known catalogues."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table
from tests.cli.command import failure, leftovers
from tests.clusters.real_catalogues import catalogue as published

MATCH = ("clusters", "match")


@pytest.fixture
def tables(tmp_path):
    """Three candidates; of two catalogues one knows the first, and the other the first and second."""
    mine = Table({"GLON": [10.0, 20.0, 30.0], "GLAT": [40.0, 40.0, 40.0], "score": [0.9, 0.8, 0.7]})
    mine.meta["MODEL"] = "xc"
    mine["GLON"].unit = mine["GLAT"].unit = "deg"
    mine["score"].description = "how sure"
    mine.write(tmp_path / "found.ecsv")
    (tmp_path / "psz.csv").write_text("NAME,GLON,GLAT\nA 1,10,40.1\nA 2,99,0\n")
    (tmp_path / "act.csv").write_text("NAME,GLON,GLAT\nB 1,10,40.1\nB 2,20,40.05\n")
    return tmp_path


def test_columns_counts_and_provenance(run, tables):
    result = run(*MATCH, "found.ecsv", "--with", "PSZ2=psz.csv", "--with", "ACT=act.csv", "-o", "out.ecsv")
    assert result.code == 0, result.err
    assert result.err == ""
    assert result.out.splitlines()[-3:] == [
        "PSZ2: 1 of 2 matched within 7'; 0 expected by chance",
        "ACT: 1 of 2 matched within 5'; 0 expected by chance",
        "out.ecsv: 3 rows",
    ]
    assert "psz.csv: GLON has no unit: taken as degrees" in result.out
    written = Table.read(tables / "out.ecsv")
    assert written.colnames == ["GLON", "GLAT", "score", "PSZ2", "PSZ2_sep", "ACT", "ACT_sep"]
    assert [str(name) for name in written["ACT"].filled("")] == ["", "B 2", ""]
    np.testing.assert_allclose(written["ACT_sep"], [np.nan, 3, np.nan], rtol=1e-6)
    assert written["score"].description == "how sure"
    assert (written.meta["MODEL"], written.meta["SRCFILE"]) == ("xc", "found.ecsv")
    assert written.meta["HISTORY"] == [
        "skysieve: match with PSZ2 = psz.csv within 7 arcmin",
        "skysieve: match with ACT = act.csv within 5 arcmin",
    ]


def test_radii_forms_and_silence(run, tables):
    wide = ("--with", "ACT=act.csv", "--radius", "ACT=6.5", "-q")
    assert run(*MATCH, "found.ecsv", *wide, "-o", "out.fits") == (0, "", "")
    assert np.isfinite(Table.read(tables / "out.fits")["ACT_sep"]).sum() == 2
    # again, over what an earlier match with the same catalogue gave, and through FITS
    narrow = ("--with", "ACT=act.csv", "--radius", "ACT=4", "-q")
    assert run(*MATCH, "out.fits", *narrow, "-o", "again.ecsv").code == 0
    again = Table.read(tables / "again.ecsv")
    assert again.colnames == ["GLON", "GLAT", "score", "ACT", "ACT_sep"]
    assert np.isfinite(again["ACT_sep"]).sum() == 1
    assert again["score"].description == "how sure"
    assert again.meta["HISTORY"] == [
        "skysieve: match with ACT = act.csv within 6.5 arcmin",
        "skysieve: match with ACT = act.csv within 4 arcmin",
    ]
    assert not [key for key in again.meta if key.startswith(("TCOMM", "CHECKSUM", "DATASUM"))]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("found.ecsv", "--with", "psz.csv", "-o", "o.fits"), "--with 'psz.csv': expected NAME=FILE"),
        (
            ("found.ecsv", "--with", "A=psz.csv", "--with", "A=act.csv", "-o", "o.fits"),
            "--with A is given twice",
        ),
        (("found.ecsv", "--with", "A=none.csv", "-o", "o.fits"), "none.csv: no such file"),
        (
            ("found.ecsv", "--with", "A=bare.csv", "-o", "o.fits"),
            "bare.csv: no coordinates among its columns",
        ),
        (("bare.csv", "--with", "A=psz.csv", "-o", "o.fits"), "bare.csv: no coordinates among its columns"),
        (("found.ecsv", "--with", "A=psz.csv", "-o", "o.txt"), "o.txt: no form of tables has this ending"),
        (("found.ecsv", "--with", "A=psz.csv", "-o", "psz.csv"), "psz.csv exists; use --overwrite"),
        (
            ("found.ecsv", "--with", "A=psz.csv", "--radius", "B=3", "-o", "o.fits"),
            "radius of B: no such catalogue",
        ),
        (
            ("found.ecsv", "--with", "A=psz.csv", "--radius", "A=0", "-o", "o.fits"),
            "radius of matches: 0 is not",
        ),
        (
            ("found.ecsv", "--with", "A=psz.csv", "--radius", "A=x", "-o", "o.fits"),
            "--radius 'A=x': expected",
        ),
        (("found.ecsv", "--with", "score=psz.csv", "-o", "o.fits"), "has a column score already"),
    ],
)
def test_what_cannot_be_is_one_line(run, tables, arguments, problem):
    (tables / "bare.csv").write_text("NAME,Z\nA,0.1\n")
    assert problem in failure(run(*MATCH, *arguments))
    assert not (tables / "o.fits").exists()
    assert leftovers(tables) == []


def test_planck_clusters_in_act_are_those_that_act_says(run, tmp_path):
    act, planck = published("maps/act_dr3_E-D56Clusters.fits"), published("clusters/planck_z.csv")
    result = run(*MATCH, act, "--with", f"PSZ2={planck}", "-o", tmp_path / "out.fits")
    assert result.code == 0, result.err
    assert "PSZ2: 30 of 1094 matched within 7'" in result.out
    assert f"{act}: RADeg has no unit: taken as degrees" in result.out
    written = Table.read(tmp_path / "out.fits")
    assert len(written) == 182
    np.testing.assert_array_equal(written["PSZ2Match"] == 1, np.isfinite(written["PSZ2_sep"]))
