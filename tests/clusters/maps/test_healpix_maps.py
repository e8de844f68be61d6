from __future__ import annotations

import gzip
import logging
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import healpy
import numpy as np
import pytest
from astropy.io import fits
from tests.clusters.maps.real_maps import real_map

from skysieve.clusters.maps.healpix_maps import UNSEEN, read_healpix_map, write_healpix_map
from skysieve.core.errors import ConfigError, OutputError, SkysieveError, SourceError

if TYPE_CHECKING:
    from pathlib import Path


def sky(nside: int = 8) -> np.ndarray:
    return np.random.default_rng(nside).normal(size=12 * nside**2).astype(np.float32)


def write(path: Path, columns: dict[str, Any], *, unit: str | None = "K_CMB", **cards: Any) -> Path:
    """Write a table as other programs do; a card that is None is left out."""
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column(
                name=name, format={"f4": "E", "f8": "D", "i4": "J"}[data.dtype.str[1:]], array=data, unit=unit
            )
            for name, data in columns.items()
        ]
    )
    for keyword, value in {"ORDERING": "RING", "COORDSYS": "G", "NSIDE": 8, **cards}.items():
        if value is not None:
            table.header[keyword] = value
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path, overwrite=True)
    return path


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(
    ("nside", "nested", "frame", "unit"),
    [(8, True, "G", "MJy/sr"), (16, False, "C", "K_CMB"), (6, False, "E", "K_CMB")],
)
class TestWritten:
    @pytest.fixture
    def path(self, tmp_path, *, nside, nested, frame, unit, partial):
        path = tmp_path / "map.fits"
        values = sky(nside)
        values[7:30] = np.nan
        write_healpix_map(
            path,
            values,
            nested=nested,
            frame=frame,
            unit=unit,
            column="I",
            overwrite=False,
            cards={"CREATOR": ("a test", "who wrote this"), "FREQ": 100},
            partial=partial,
        )
        return path

    def test_is_read_again_as_it_was(self, path, nside, nested, frame, unit):
        found = read_healpix_map(path)
        expected = sky(nside)
        expected[7:30] = np.nan
        assert found.values.dtype == np.float32
        assert found.values.dtype.isnative
        assert np.array_equal(found.values, expected, equal_nan=True)
        assert (found.nside, found.nested, found.frame, found.unit) == (nside, nested, frame, unit)
        assert (found.name, found.path) == ("I", path)

    def test_is_read_by_healpy(self, path, nside, nested):
        values, cards = healpy.read_map(path, nest=None, h=True)
        assert np.array_equal(np.flatnonzero(values == healpy.UNSEEN), np.arange(7, 30))
        assert np.array_equal(values[30:], sky(nside)[30:])
        assert dict(cards)["ORDERING"] == ("NESTED" if nested else "RING")

    def test_has_sums_and_the_cards_that_were_given(self, path, partial, unit):
        with fits.open(path, checksum=True) as hdus:
            hdus.verify("exception")
            header = hdus[1].header
            assert {"CHECKSUM", "DATASUM"} <= set(header)
            assert (header["CREATOR"], header.comments["CREATOR"], header["FREQ"]) == (
                "a test",
                "who wrote this",
                100,
            )
            assert header["TUNIT2" if partial else "TUNIT1"] == unit
            assert header["INDXSCHM"] == ("EXPLICIT" if partial else "IMPLICIT")


def test_a_partial_map_of_little_sky_is_a_small_file(tmp_path):
    values = np.full(12 * 64**2, np.nan, np.float32)
    values[100:200] = 1
    for name, partial in (("full", False), ("part", True)):
        write_healpix_map(
            tmp_path / name,
            values,
            nested=True,
            frame="G",
            unit="",
            column="P",
            overwrite=False,
            partial=partial,
        )
    assert (tmp_path / "part").stat().st_size < 15000 < (tmp_path / "full").stat().st_size


@pytest.mark.parametrize("shape", [(100,), (2, 768), (0,)])
def test_what_is_no_map_is_not_written(tmp_path, shape):
    with pytest.raises(OutputError, match="12 nside²"):
        write_healpix_map(
            tmp_path / "m.fits",
            np.zeros(shape),
            nested=False,
            frame="G",
            unit="K",
            column="I",
            overwrite=False,
        )
    assert not list(tmp_path.iterdir())


class TestColumns:
    def test_by_place_and_by_name_in_any_case(self, tmp_path):
        maps = {name: sky() + number for number, name in enumerate("IQU")}
        path = write(tmp_path / "m.fits", maps)
        assert np.array_equal(read_healpix_map(path, field=2).values, maps["U"])
        assert np.array_equal(read_healpix_map(path, field="q").values, maps["Q"])

    @pytest.mark.parametrize("field", [3, -1, "V"])
    def test_that_are_not_there(self, tmp_path, field):
        path = write(tmp_path / "m.fits", {"I": sky(), "Q": sky(), "U": sky()})
        with pytest.raises(SourceError, match=rf"no column {field}; it has I, Q, U"):
            read_healpix_map(path, field=field)

    def test_of_double_precision(self, tmp_path):
        path = write(tmp_path / "m.fits", {"I": sky().astype("f8")})
        assert np.array_equal(read_healpix_map(path).values, sky())

    def test_of_scaled_integers_with_a_null(self, tmp_path):
        stored = np.arange(768, dtype="i4")
        path = write(tmp_path / "m.fits", {"I": stored}, TSCAL1=0.5, TZERO1=3.0, TNULL1=5)
        expected = (stored * 0.5 + 3).astype("f4")
        expected[5] = np.nan
        assert np.array_equal(read_healpix_map(path).values, expected, equal_nan=True)

    def test_of_text(self, tmp_path):
        table = fits.BinTableHDU.from_columns([fits.Column(name="A", format="3A", array=["abc"] * 768)])
        table.writeto(tmp_path / "m.fits")
        with pytest.raises(SourceError, match="column A holds no numbers"):
            read_healpix_map(tmp_path / "m.fits")

    def test_longer_than_what_is_read_at_a_time(self, tmp_path, monkeypatch):
        monkeypatch.setattr("skysieve.core.fits.table_columns._CHUNK_BYTES", 100)
        path = write(tmp_path / "m.fits", {"I": sky(), "Q": sky() + 1})
        assert np.array_equal(read_healpix_map(path, field=1).values, sky() + 1)


class TestNoData:
    def test_unseen_bad_data_and_infinity_become_nan(self, tmp_path):
        values = sky()
        values[:4] = UNSEEN, -1.63750001e30, -999, np.inf
        found = read_healpix_map(write(tmp_path / "m.fits", {"I": values}, BAD_DATA=-999.0)).values
        assert np.array_equal(np.flatnonzero(np.isnan(found)), [0, 1, 2, 3])

    def test_without_the_card_its_value_is_data(self, tmp_path):
        values = sky()
        values[0] = -999
        assert read_healpix_map(write(tmp_path / "m.fits", {"I": values})).values[0] == -999


class TestPartOfTheSky:
    PIXELS = np.array([700, 3, 41], "i4")

    @pytest.mark.parametrize("cards", [{"INDXSCHM": "EXPLICIT"}, {"OBJECT": "PARTIAL"}])
    def test_listed(self, tmp_path, cards):
        columns = {"PIXEL": self.PIXELS, "I": sky()[:3], "Q": sky()[3:6]}
        path = write(tmp_path / "m.fits", columns, **cards)
        found = read_healpix_map(path, field=1).values
        assert np.array_equal(found[self.PIXELS], columns["Q"])
        assert np.isfinite(found).sum() == 3
        assert np.array_equal(read_healpix_map(path, field="I").values[self.PIXELS], columns["I"])

    def test_counted_from_another_pixel(self, tmp_path):
        path = write(tmp_path / "m.fits", {"I": sky()[:60]}, FIRSTPIX=20, LASTPIX=79)
        found = read_healpix_map(path).values
        assert np.array_equal(np.flatnonzero(np.isfinite(found)), np.arange(20, 80))
        assert np.array_equal(found[20:80], sky()[:60])

    @pytest.mark.parametrize("pixel", [768, -1])
    def test_a_pixel_beyond_the_sky(self, tmp_path, pixel):
        pixels = np.array([0, pixel, 5], "i4")
        path = write(tmp_path / "m.fits", {"PIXEL": pixels, "I": sky()[:3]}, INDXSCHM="EXPLICIT")
        with pytest.raises(SourceError, match=f"pixel {pixel}.*NSIDE 8 has 768"):
            read_healpix_map(path)

    def test_without_nside(self, tmp_path):
        path = write(
            tmp_path / "m.fits", {"PIXEL": self.PIXELS, "I": sky()[:3]}, INDXSCHM="EXPLICIT", NSIDE=None
        )
        with pytest.raises(SourceError, match="no NSIDE"):
            read_healpix_map(path)


class TestNeverAGuess:
    @pytest.mark.parametrize(
        ("card", "option", "value", "attribute", "expected"),
        [
            ("COORDSYS", "frame", "C", "frame", "C"),
            ("COORDSYS", "frame", "galactic", "frame", "G"),
            ("ORDERING", "ordering", "nested", "nested", True),
            ("TUNIT", "unit", "K_CMB", "unit", "K_CMB"),
        ],
    )
    def test_what_is_not_stated_must_be_given(
        self, tmp_path, caplog, *, card, option, value, attribute, expected
    ):
        missing: dict[str, Any] = {"unit": None} if card == "TUNIT" else {card: None}
        path = write(tmp_path / "m.fits", {"I": sky()}, **missing)
        with pytest.raises(SourceError, match=rf"no {card}.*option {option}"):
            read_healpix_map(path)
        with caplog.at_level(logging.WARNING):
            found = read_healpix_map(path, **{option: value})
        assert getattr(found, attribute) == expected
        assert f"no {card}" in caplog.text

    def test_what_is_stated_holds(self, tmp_path, caplog):
        path = write(tmp_path / "m.fits", {"I": sky()}, COORDSYS="E")
        found = read_healpix_map(path, frame="G", unit="MJy/sr", ordering="NESTED")
        assert (found.frame, found.unit, found.nested) == ("E", "K_CMB", False)
        assert "COORDSYS is E, and that holds" in caplog.text

    @pytest.mark.parametrize(("option", "value"), [("frame", "X"), ("ordering", "spiral")])
    def test_options_without_meaning(self, tmp_path, option, value):
        path = write(tmp_path / "m.fits", {"I": sky()})
        with pytest.raises(ConfigError, match=f"{option} '{value}'"):
            read_healpix_map(path, **{option: value})

    @pytest.mark.parametrize(("card", "value"), [("COORDSYS", "MARS"), ("ORDERING", "HILBERT")])
    def test_cards_without_meaning(self, tmp_path, card, value):
        with pytest.raises(SourceError, match=f"{card} is '{value}'"):
            read_healpix_map(write(tmp_path / "m.fits", {"I": sky()}, **{card: value}))


class TestDamaged:
    def test_truncated(self, tmp_path):
        path = write(tmp_path / "m.fits", {"I": sky(32)}, NSIDE=32)
        path.write_bytes(path.read_bytes()[:-9000])
        with pytest.raises(SourceError, match="truncated"):
            read_healpix_map(path)

    def test_wrong_length(self, tmp_path):
        path = write(tmp_path / "m.fits", {"I": sky()[:-1]})
        with pytest.raises(SourceError, match="has 767 values, and a map of NSIDE 8 has 768"):
            read_healpix_map(path)

    def test_nside_is_no_power_of_two_in_nested_order(self, tmp_path):
        path = write(tmp_path / "m.fits", {"I": sky(6)}, NSIDE=6, ORDERING="NESTED")
        with pytest.raises(SourceError, match="NSIDE is 6, no power of two"):
            read_healpix_map(path)

    @pytest.mark.parametrize("nside", [0, -4, 8.5, "eight"])
    def test_nside_makes_no_sense(self, tmp_path, nside):
        with pytest.raises(SourceError, match="NSIDE is"):
            read_healpix_map(write(tmp_path / "m.fits", {"I": sky()}, NSIDE=nside))

    def test_nside_follows_from_a_whole_sky(self, tmp_path, caplog):
        found = read_healpix_map(write(tmp_path / "m.fits", {"I": sky()}, NSIDE=None))
        assert found.nside == 8
        assert "no NSIDE" in caplog.text

    @pytest.mark.parametrize("hdu", [0, 2, "MAP"])
    def test_no_such_table(self, tmp_path, hdu):
        path = write(tmp_path / "m.fits", {"I": sky()}, EXTNAME="FREQ-MAP")
        with pytest.raises(SourceError, match="tables here: 1 FREQ-MAP"):
            read_healpix_map(path, hdu=hdu)

    def test_no_file_and_no_fits(self, tmp_path):
        (tmp_path / "m.fits").write_text("hello")
        for name in ("m.fits", "n.fits"):
            with pytest.raises(SkysieveError, match=name):
                read_healpix_map(tmp_path / name)


MEANS_NOTHING = {"'none'"}
"""Values of cards that are passed over."""


class TestMapsOfStrangers:
    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "map.fits"
        write_healpix_map(
            path, sky(), nested=False, frame="G", unit="K_CMB", column="I", overwrite=False, partial=True
        )
        return path

    def change(self, path, keyword, value):
        content = path.read_bytes()
        for card in (b"CHECKSUM=", b"DATASUM ="):
            content = content.replace(card, b"COMMENT  ")
        start = content.index(keyword, 2880)
        path.write_bytes(
            content[:start] + keyword + f" {value}".ljust(80 - len(keyword)).encode() + content[start + 80 :]
        )

    @pytest.mark.parametrize("listed", [True, False])
    def test_of_next_to_nothing_that_would_take_gigabytes_are_refused(self, tmp_path, listed):
        columns = {"PIXEL": np.arange(5, dtype="i4"), "I": np.zeros(5, "f4")}
        cards: dict[str, Any] = {"INDXSCHM": "EXPLICIT"} if listed else {"FIRSTPIX": 0, "LASTPIX": 4}
        if not listed:
            del columns["PIXEL"]
        path = write(tmp_path / "map.fits", columns, NSIDE=8192, **cards)
        with pytest.raises(SourceError, match=r"holds 5 of the 805306368 pixels of NSIDE 8192, .* 3.22 GB"):
            read_healpix_map(path)

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize(
        ("keyword", "value"),
        [
            (b"TFIELDS =", "1" + "0" * 30),
            (b"TFIELDS =", "'two'"),
            (b"TFORM1  =", "'J "),
            (b"TFORM1  =", "'1QE(9)'"),
            (b"TFORM2  =", "3"),
            (b"TFORM2  =", "'99999E'"),
            (b"TTYPE2  =", "T"),
            (b"TUNIT2  =", "7"),
            (b"NAXIS1  =", "7"),
            (b"NSIDE   =", "'8'"),
            (b"NSIDE   =", "8.0"),
            (b"NSIDE   =", "1" + "0" * 30),
            (b"ORDERING=", "'"),
            (b"COORDSYS=", "1E400"),
            (b"BAD_DATA=", "'none'"),
        ],
    )
    def test_with_impossible_cards_are_one_line_that_names_the_file(self, path, keyword, value):
        self.change(path, keyword, value)
        if value in MEANS_NOTHING:
            assert read_healpix_map(path).values.size == 768
            return
        with pytest.raises(SkysieveError) as caught:
            read_healpix_map(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_gzip_and_a_named_hdu(tmp_path):
    path = write(tmp_path / "m.fits", {"I": sky()}, EXTNAME="FREQ-MAP")
    packed = tmp_path / "m.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert np.array_equal(read_healpix_map(packed, hdu="freq-map").values, sky())


def test_real_maps(caplog):
    path = real_map("healpix_wmap7_V_nside32.fits")
    with pytest.raises(SourceError, match="COORDSYS"):
        read_healpix_map(path, unit="mK")
    with pytest.raises(SourceError, match="TUNIT"):
        read_healpix_map(path, frame="G")
    caplog.clear()
    for number, name in enumerate(("I_STOKES", "Q_STOKES", "U_STOKES")):
        found = read_healpix_map(path, field=number, frame="G", unit="mK")
        assert (found.nside, found.nested, found.name) == (32, False, name)
        assert np.array_equal(found.values, healpy.read_map(path, field=number, dtype=np.float32))
    assert "no COORDSYS" in caplog.text
    assert "no TUNIT" in caplog.text


@pytest.mark.slow
def test_six_large_maps_are_read_in_little_memory(tmp_path):
    """Each has ten columns, as the maps of Planck: 1 GB on disk here, of which a tenth is wanted."""
    nside, names = 1024, list("IQUHABCDEF")
    path = tmp_path / "m.fits"
    table = np.zeros(12 * nside**2, [(name, ">f4") for name in names])
    table["I"] = np.arange(table.size)
    hdu = fits.BinTableHDU(table)
    for keyword, value in {"ORDERING": "NESTED", "COORDSYS": "G", "NSIDE": nside, "TUNIT1": "K_CMB"}.items():
        hdu.header[keyword] = value
    hdu.writeto(path)
    code = (
        "import resource, sys\n"
        "from skysieve.clusters.maps.healpix_maps import read_healpix_map\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3\n"
        "read_healpix_map(sys.argv[2])\n"
        "before = peak()\n"
        "maps = [read_healpix_map(sys.argv[1]) for _ in range(6)]\n"
        "print(peak() - before, maps[5].values[12345])\n"
    )
    small = write(tmp_path / "small.fits", {"I": sky()})
    answer = subprocess.run(
        [sys.executable, "-c", code, str(path), str(small)], capture_output=True, text=True, check=True
    )
    grown, value = map(float, answer.stdout.split())
    assert value == 12345
    # Six maps of 50 MB each, and what is read at a time.
    assert grown < 6 * 50.4 + 150
