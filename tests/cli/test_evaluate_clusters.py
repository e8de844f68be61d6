"""``skysieve evaluate clusters``: catalogues on skies whose clusters are known."""

from __future__ import annotations

import healpy
import numpy as np
import pytest
from astropy.table import Table
from PIL import Image
from tests.cli.command import failure, leftovers
from tests.clusters.tiny_sky import CLUSTERS, cluster_maps, save_sky_model, two_units, write_sky

from skysieve.clusters.catalogue.products_footprint import write_footprint
from skysieve.clusters.maps.healpix_maps import write_healpix_map

EVALUATE = ("evaluate", "clusters")
ARCMIN = 1 / 60
PICTURES = ("purity-completeness.png", "completeness.png", "positions.png", "calibration.png")


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    monkeypatch.setattr("skysieve.clusters.evaluate.curves.DPI", 40)


def tile_places(count):
    """Return places well inside of tile 7, two degrees apart."""
    lon, lat = (float(value) for value in healpy.pix2ang(2, 6, lonlat=True))
    steps = 2 * (np.arange(count) - count // 2)
    # Not where corners of pixels of every size are
    return lon + 0.3 + steps % 8 - 4, lat + 0.2 + steps // 8 * 2.0


def write_truth(path, lon, lat, y500):
    table = Table({"GLON": lon, "GLAT": lat, "Y500": y500, "T500": np.full(len(lon), 5.0)})
    table["Z"], table["M500"] = np.full(len(lon), 0.15), np.full(len(lon), 4.5)
    for name, unit in {"GLON": "deg", "GLAT": "deg", "Y500": "arcmin2", "T500": "arcmin"}.items():
        table[name].unit = unit
    table.write(path)
    return path


def write_found(path, lon, lat, score):
    path.parent.mkdir(exist_ok=True)
    table = Table({"GLON": lon, "GLAT": lat, "score": np.asarray(score, float)}, meta={"MODEL": "xc"})
    table["GLON"].unit = table["GLAT"].unit = "deg"
    table.write(path)
    return path


@pytest.fixture
def skies(tmp_path):
    """Ten clusters in the test tile and one beyond; two catalogues of them.

    Of `good` the first eight candidates are the first eight clusters, a minute of arc off, and the last two
    are none.  Of `bad` every second one of ten is none, the best too.
    """
    lon, lat = tile_places(10)
    write_truth(tmp_path / "clusters.fits", [*lon, 200.0], [*lat, -60.0], [2e-3] * 5 + [1e-3] * 6)
    score = np.linspace(0.95, 0.5, 10)
    off = np.array([ARCMIN] * 8 + [0.5] * 2)
    write_found(tmp_path / "good" / "catalogue.fits", lon, lat + off, score)
    write_found(tmp_path / "bad.fits", lon, lat + np.where(np.arange(10) % 2, 0, 0.5), score)
    return tmp_path


def detectors(folder="report"):
    return ("--catalogue", "good=good", "--catalogue", "bad=bad.fits", "-o", folder)


def scores(folder):
    return {row["detector"]: row for row in Table.read(folder / "scores.ecsv")}


def test_scores_known_by_hand(run, skies):
    result = run(*EVALUATE, "--sky", "clusters.fits", *detectors())
    assert result.code == 0, result.err
    assert result.out == "report: report/report.md\n"
    found = scores(skies / "report")
    good, bad = found["good"], found["bad"]
    # at 0.65 the eighth of eight is real, at 0.6 eight of nine are: the beginning is pure
    assert (good["candidates"], good["real"], good["findable"]) == (10, 8, 10)
    assert good["completeness"] == pytest.approx(0.8)
    assert good["threshold"] == pytest.approx(0.6)
    assert good["position_50"] == pytest.approx(1.0, rel=1e-4)
    assert (bad["real"], bad["completeness"]) == (5, 0)
    assert np.isinf(bad["threshold"])
    [compared] = Table.read(skies / "report" / "comparisons.ecsv")
    assert compared["difference"] == pytest.approx(0.8)
    assert compared["better"] == "good"
    bins = Table.read(skies / "report" / "completeness.ecsv")
    rows = {
        (row["detector"], row["by"], row["from"]): (row["hits"], row["trials"])
        for row in bins
        if row["trials"]
    }
    assert rows["good", "y500", 2e-3] == (5, 5)
    assert rows["good", "y500", 1e-3] == (3, 5)
    assert rows["good", "m500", 4.0] == rows["good", "redshift", 0.1] == (8, 10)
    text = (skies / "report" / "report.md").read_text()
    assert "| good | 10 | 8 | 8 of 10 | 0.8000" in text
    assert "- detector good: model xc" in text
    for name in PICTURES:
        assert f"]({name})" in text
        assert np.asarray(Image.open(skies / "report" / name).convert("L"), float).std() > 5


def test_what_counts_can_be_set(run, skies):
    wide = ("--tiles", "all", "--least-y500", "1.5e-3", "--least-real", "1.5e-3", "--purity", "0.5")
    assert run(*EVALUATE, "--sky", "clusters.fits", *detectors(), *wide).code == 0
    found = scores(skies / "report")
    assert (found["good"]["findable"], found["good"]["real"]) == (5, 5)
    assert found["good"]["completeness"] == 1
    assert found["good"]["position_50"] == pytest.approx(1.0, rel=1e-4)
    text = (skies / "report" / "report.md").read_text()
    assert "completeness at 50 % purity" in text
    # so impure that ever deeper catalogues would do
    assert "0.5000 †" in text


def test_skies_are_taken_together_and_what_was_not_searched_is_left_out(run, skies):
    lon, lat = tile_places(10)
    every = np.stack(healpy.pix2ang(64, np.arange(12 * 64**2), lonlat=True))
    border = lon.min() + 3
    part = every[0] < border
    footprint = skies / "good" / "footprint.fits"
    write_footprint(part, footprint, nested=False, cards=[], overwrite=False)
    probability = np.where(part, 0.1, np.nan).astype(np.float32)
    probability[healpy.ang2pix(64, lon.min(), lat[lon.argmin()], lonlat=True)] = 0.9
    write_healpix_map(
        skies / "good" / "probability.fits",
        probability,
        nested=False,
        frame="G",
        unit="",
        column="P",
        overwrite=False,
        partial=True,
    )
    twice = ("--sky", "clusters.fits", "--sky", "clusters.fits", *detectors(), *detectors())
    assert run(*EVALUATE, *twice[:-2], "--disc", "1", "-o", "report").code == 0
    found = scores(skies / "report")["good"]
    inside = int((lon < border).sum())
    assert found["findable"] == 2 * inside < 20
    assert found["candidates"] == 2 * inside
    text = (skies / "report" / "report.md").read_text()
    # of as many pixels as there are clusters one was found, and it was right
    assert f"| good | 1.0000 | {1 / inside:.4f} | {2 / (1 + inside):.4f} |" in text


@pytest.mark.slow
def test_finders_search_the_skies_themselves(run, tmp_path):
    sky = write_sky(tmp_path / "sky", cluster_maps(), part=two_units())
    places = np.array(CLUSTERS)
    write_truth(sky / "clusters.fits", places[:, 0], places[:, 1], [2e-2] * 3)
    save_sky_model(tmp_path / "tiny-sky", limit=2.5)
    finders = (
        "--finder",
        "network",
        "--finder",
        "mmf",
        "--finder",
        "both",
        "--model",
        "tiny-sky",
        "--threshold",
        "0.1",
    )
    asked = ("--sky", "sky", *finders, "--tiles", "all", "-o", "report")
    result = run(*EVALUATE, *asked)
    assert result.code == 0, result.err
    assert "sky tile 12:" in result.out
    assert "sky tile 14:" in result.out
    found = scores(tmp_path / "report")
    assert list(found) == ["network", "mmf", "both"]
    assert [found[name]["found"] for name in ("mmf", "both")] == [3, 3]
    assert found["network"]["found"] > 0
    assert {row["findable"] for row in found.values()} == {3}
    for name in found:
        folder = tmp_path / "report" / "found" / "sky-1" / name
        assert (folder / "catalogue.fits").is_file()
        assert (folder / "probability.fits").is_file() == (name != "mmf")
        assert (folder / "snr.fits").is_file() == (name != "network")
    assert not list((tmp_path / "report").rglob("*.npz"))
    assert leftovers(tmp_path) == []
    # what was found before is used again
    again = run(*EVALUATE, *asked, "--resume", "--least-snr", "1")
    assert again.code == 0, again.err
    assert again.out == "report: report/report.md\n"
    other = failure(run(*EVALUATE, *asked, "--resume", "--snr", "5"))
    assert "sky-1 holds a search with another snr; search anew with --overwrite" in other


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--sky", "clusters.fits"), "nothing to evaluate; give at least one --catalogue or --finder"),
        (("--sky", "none", "--catalogue", "a=bad.fits"), "none: no such file"),
        (("--sky", ".", "--catalogue", "a"), "--catalogue 'a': expected NAME=PATH"),
        (("--sky", ".", "--catalogue", "a=none.fits"), "none.fits: no such file or folder"),
        (("--sky", ".", "--sky", ".", "--catalogue", "a=bad.fits"), "given 1 times for 2 skies"),
        (("--sky", ".", "--catalogue", "mmf=bad.fits", "--finder", "mmf"), "has the name of a --finder"),
        (("--sky", "clusters.fits", "--finder", "mmf"), "--finder needs maps"),
        (("--sky", ".", "--catalogue", "a=bad.fits", "--purity", "2"), "purity 2: expected above 0, to 1"),
        (("--sky", ".", "--catalogue", "a=bad.fits", "--disc", "0"), "radius of matches: 0 is not above 0"),
        (
            ("--sky", ".", "--catalogue", "a=bad.fits", "--least-snr", "5"),
            "needs the noise of the matched filter",
        ),
        (("--sky", ".", "--catalogue", "a=clusters.fits"), "clusters.fits: no column score or snr"),
        (("--sky", "bad.fits", "--catalogue", "a=bad.fits"), "bad.fits: no column of Y500"),
    ],
)
def test_what_cannot_be_is_one_line(run, skies, arguments, problem):
    assert problem in failure(run(*EVALUATE, *arguments, "-o", "report"))
    assert not (skies / "report" / "report.md").exists()


def test_a_report_that_is_there_is_kept(run, skies):
    (skies / "report").mkdir()
    (skies / "report" / "report.md").write_text("mine")
    assert "report.md exists" in failure(run(*EVALUATE, "--sky", ".", *detectors()))
    assert run(*EVALUATE, "--sky", ".", *detectors(), "--radius", "0.5", "--overwrite").code == 0
    # a minute of arc is too far
    assert scores(skies / "report")["good"]["real"] == 0
