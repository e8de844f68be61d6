"""``skysieve clusters find``: from maps of the sky to a catalogue."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from tests.cli.command import failure, leftovers
from tests.clusters.tiny_sky import BANDS, CLUSTERS, cluster_maps, save_sky_model, two_units, write_sky

from skysieve.clusters.search.finder import ClusterFinder
from skysieve.clusters.search.unit_files import UnitFiles


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    return write_sky(tmp_path_factory.mktemp("skies") / "maps", cluster_maps(), part=two_units())


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_sky_model(tmp_path_factory.mktemp("models") / "tiny-sky")


@pytest.fixture
def find(run, model, maps):
    """Run the command on the maps, by the network alone if nothing else is asked for."""

    def find(*arguments, maps=maps, finder="network", threshold=0.1):
        chosen = ("--finder", finder, "--model", model, "--threshold", threshold, "--least-pixels", 1)
        return run("clusters", "find", "--maps", maps, "-o", "out", *chosen, *arguments)

    return find


def test_a_sky_gets_a_catalogue(find, tmp_path):
    known = Table({"name": ["A1", "A2"], "GLON": [40.0, 90.0], "GLAT": [30.0, 60.0]})
    known.write(tmp_path / "known.csv")
    result = find("--with", "Known=known.csv", "--votable", "--prefix", "TST", finder="both", threshold=0.5)
    assert result.code == 0, result.err
    assert "2 tiles of the sky, bands 143, 217, 353, nside 256" in result.out
    assert "1/2 tile 12 at l, b 45.0, +24.6: " in result.out
    assert "2/2 tile 14" in result.out
    assert f"{len(CLUSTERS)} candidates" in result.out
    assert "Known: 1 of 1 matched within 5'" in result.out
    table = Table.read(tmp_path / "out" / "catalogue.vot")
    assert len(table) == len(CLUSTERS)
    assert all(name.startswith("TST J") for name in table["name"])
    assert list(table["Known"]).count("A1") == 1
    header = fits.getheader(tmp_path / "out" / "catalogue.fits", 1)
    assert (header["SRC01"], header["THR_P"]) == ("sky_143.fits", 0.5)
    assert not (tmp_path / "out.parts").exists()


def test_previews_are_drawn_on_request(find, tmp_path):
    assert find("--preview", "--quiet").code == 0
    names = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert names == {"preview-sky.png", "preview-candidates.png", "preview-stacks.png"}


def test_quiet_prints_nothing(find):
    assert find("--quiet")[:2] == (0, "")


def wait_for_a_tile(folder):
    end = time.monotonic() + 30
    while time.monotonic() < end and not list(folder.glob("tile_*.npz")):
        time.sleep(0.05)


def test_an_interrupted_search_goes_on(find, tmp_path, monkeypatch):
    real = ClusterFinder.find
    calls = []

    def interrupted(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 2:  # units may be at work side by side: the first is to be done
            wait_for_a_tile(tmp_path / "out.parts")
            raise KeyboardInterrupt
        return real(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(ClusterFinder, "find", interrupted)
        assert find().code == 130
    tiles = list((tmp_path / "out.parts").glob("tile_*.npz"))
    assert len(tiles) == 1
    assert not (tmp_path / "out").exists()
    assert "go on with --resume" in failure(find())
    result = find("--resume")
    assert result.code == 0
    assert "kept" in result.out
    assert not (tmp_path / "out.parts").exists()


@pytest.fixture
def interrupted_while_placing(find, monkeypatch):
    """Interrupt a search when some of its products are in place, as a signal may."""
    real = Path.replace
    placed: list[Path] = []

    def replace(self, target):
        if "out.parts" not in str(target) and not Path(target).name.startswith("."):
            if len(placed) == 3:
                raise KeyboardInterrupt
            placed.append(target)
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        assert find("--preview").code == 130
    assert len(placed) == 3


def test_a_search_that_was_interrupted_while_products_were_written_goes_on(
    find, tmp_path, interrupted_while_placing
):
    assert 0 < len(list((tmp_path / "out").iterdir())) < 10
    assert "exists" in failure(find("--preview"))
    result = find("--preview", "--resume")
    assert result.code == 0, result.err
    assert result.out.count("kept") == 2
    assert Table.read(tmp_path / "out" / "catalogue.fits")
    assert not (tmp_path / "out.parts").exists()


def test_what_others_put_there_meanwhile_is_kept(find, tmp_path, interrupted_while_placing):
    (tmp_path / "out" / "catalogue.vot").write_text("mine")
    assert "catalogue.vot exists" in failure(find("--preview", "--votable", "--resume"))
    assert (tmp_path / "out" / "catalogue.vot").read_text() == "mine"


def test_a_finished_search_is_not_begun_again(find, tmp_path):
    assert find("--preview", "--resume").code == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    result = find("--preview", "--resume")
    assert result == (0, "out holds the products of this search already\n", "")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before
    assert "exists" in failure(find("--resume", threshold=0.2))
    assert "exists" in failure(find("--resume", "--prefix", "TST"))


def test_damaged_tiles_are_searched_again(find, tmp_path, monkeypatch):
    assert find("--quiet").code == 0
    whole = Table.read(tmp_path / "out" / "catalogue.fits")
    with monkeypatch.context() as patch:
        patch.setattr(UnitFiles, "remove", lambda _: None)
        assert find("--quiet", "--overwrite").code == 0
    first, second = sorted((tmp_path / "out.parts").glob("tile_*.npz"))
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 4
    first.write_bytes(content)
    second.write_bytes(second.read_bytes()[:-100])
    result = find("--resume")
    assert result.code == 0, result.err
    assert "kept" not in result.out
    again = Table.read(tmp_path / "out" / "catalogue.fits")
    assert again.as_array().tolist() == whole.as_array().tolist()


def test_a_damaged_description_of_the_search_costs_its_tiles_but_no_more(find, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(UnitFiles, "remove", lambda _: None)
        assert find("--quiet").code == 0
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    search = tmp_path / "out.parts" / "search.json"
    search.write_bytes(search.read_bytes().replace(b"64", b"65", 1))
    result = find("--resume")
    assert result.code == 0, result.err
    assert "search.json is damaged" in result.err
    assert "kept" not in result.out


def test_a_full_disk_ends_the_search_in_one_line(find, tmp_path, monkeypatch):
    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", full)
        line = failure(find("--quiet"))
    assert "No space left on device; make room" in line
    assert "--resume goes on" in line
    assert leftovers(tmp_path) == []
    assert find("--resume").code == 0


@pytest.mark.slow
@pytest.mark.parametrize("where", [("-j", 2), ("--dask", "local:2")])
def test_processes_find_the_same(find, tmp_path, where):
    if where[0] == "--dask":
        pytest.importorskip("distributed")
    assert find("--quiet").code == 0
    one = Table.read(tmp_path / "out" / "catalogue.ecsv")
    assert find("--overwrite", *where).code == 0
    assert list(Table.read(tmp_path / "out" / "catalogue.ecsv")["name"]) == list(one["name"])


def edited(folder, maps, change):
    """Return a folder of the maps with a change of the header of the first one."""
    folder.mkdir()
    for path in maps.glob("*.fits"):
        (folder / path.name).write_bytes(path.read_bytes())
    with fits.open(folder / "sky_143.fits", mode="update") as hdus:
        change(hdus[1].header)
        hdus[1].add_checksum()
    return folder


def test_maps_without_a_frame_or_unit_need_an_option(find, maps, tmp_path):
    def change(header):
        del header["COORDSYS"]
        del header["TUNIT2"]

    folder = edited(tmp_path / "bare", maps, change)
    assert "frame" in failure(find(maps=folder))
    result = find("--frame", "G", maps=folder)
    assert result.code == 1
    assert "option unit" in result.err.splitlines()[-1]
    result = find("--frame", "G", "--unit", "143=K_CMB", maps=folder)
    assert result.code == 0
    assert "WARNING" in result.err


def test_maps_that_will_not_do_are_told_in_a_line(find, maps, tmp_path):
    missing = write_sky(tmp_path / "missing", cluster_maps()[:2, : 12 * 16**2], bands=BANDS[:2])
    assert "353" in failure(find(maps=missing))
    empty = write_sky(tmp_path / "empty", np.full((3, 12 * 16**2), np.nan, np.float32))
    assert "has no data" in failure(find(maps=empty))
    cut = tmp_path / "cut"
    edited(cut, maps, lambda header: header.pop("OBJECT"))
    whole = (cut / "sky_217.fits").read_bytes()
    (cut / "sky_217.fits").write_bytes(whole[: len(whole) // 2])
    assert "sky_217.fits" in failure(find(maps=cut))
    assert "nowhere" in failure(find(maps="nowhere"))
    assert not (tmp_path / "out.parts").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--galactic-cut", 95), "Galactic cut"),
        (("--galactic-cut", 60), "no pixel to search"),
        (("--threshold", 1.5), "threshold of the probability"),
        (("--nside", 100), "power of two"),
        (("--views", 5), "5 views"),
        (("--with", "planck.csv"), "expected NAME=FILE"),
        (("--with", "A=nowhere.csv"), "nowhere.csv"),
        (("--unit", "K_CMB", "--unit", "857=MJy/sr"), "--unit 'K_CMB'"),
        (("--mask", "nowhere.fits"), "nowhere.fits"),
        (("-o", "out.fits"), "name a folder"),
        (("--model", "nothing"), "no model 'nothing'"),
        (("--prefix", "0"), "prefix"),
    ],
)
def test_options_that_will_not_do_are_told_in_a_line(find, tmp_path, arguments, message):
    assert message in failure(find(*arguments))
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.parts").exists()


def test_products_that_are_there_are_kept(find, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "catalogue.reg").write_text("mine")
    assert "--overwrite" in failure(find())
    assert (tmp_path / "out" / "catalogue.reg").read_text() == "mine"
