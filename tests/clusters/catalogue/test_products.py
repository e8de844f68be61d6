"""What was found onto disk, read again by other people's readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import healpy
import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io import fits, votable
from astropy.table import MaskedColumn, Table
from mocpy import MOC
from regions import Regions

from skysieve.clusters.catalogue.catalogue import COLUMNS, make_catalogue
from skysieve.clusters.catalogue.catalogue_files import cards_of, catalogue_cards, write_catalogue
from skysieve.clusters.catalogue.known_catalogues import KnownCatalogue
from skysieve.clusters.catalogue.matched_tables import add_matches
from skysieve.clusters.catalogue.products import FoundClusters, write_products
from skysieve.clusters.catalogue.products_footprint import area_of, covers, read_footprint, write_footprint
from skysieve.clusters.catalogue.products_regions import write_regions
from skysieve.clusters.maps.healpix_maps import read_healpix_map, write_healpix_map
from skysieve.core.errors import FrameError, OutputError, SourceError

NSIDE = 32
LON, LAT = (healpy.pix2ang(NSIDE, np.arange(12 * NSIDE**2), lonlat=True)[axis] for axis in (0, 1))
PLANCK = np.array(["PSZ2 G010.00+40.00", "PSZ2 G000.00-80.00"])


def candidates():
    table = Table({"lon": [200.0, 10.0, 350.0], "lat": [-50.0, 40.0, 85.0]})
    table["score"], table["snr"], table["size"] = [0.7, 0.9, 0.8], [5.0, 8.0, np.nan], [3.0, 7.5, np.nan]
    table["npix"] = MaskedColumn([4, 30, 0], mask=[False, False, True])
    table["finder"], table["depth"] = ["both", "network", "mmf"], [1.0, 2.0, 3.0]
    return table


@pytest.fixture
def cards(tmp_path):
    source = tmp_path / "sky_100.fits"
    write_healpix_map(source, np.ones(12), nested=False, frame="G", unit="K_CMB", column="T", overwrite=True)
    return catalogue_cards(
        sources=[source],
        finder="both",
        model="xc",
        model_sha256="ab" * 32,
        thresholds={"SCOR": 0.5},
        options={"prefix": "SKS"},
    )


@pytest.fixture
def found(cards):
    catalogue = make_catalogue(candidates(), prefix="SKS")
    nothing = np.full(2, np.nan)
    planck = KnownCatalogue(
        "PSZ2",
        Path("p"),
        PLANCK,
        np.array([10.05, 0]),
        np.array([40.0, -80]),
        nothing,
        nothing,
        nothing,
        nothing,
    )
    counts = add_matches(catalogue, catalogue["GLON"], catalogue["GLAT"], [planck], rank=catalogue["score"])
    footprint = np.abs(LAT) > 30
    probability = np.where(footprint, LAT, np.nan).astype(np.float32)
    return FoundClusters(
        catalogue, footprint, {"probability": probability}, nested=False, cards=cards, counts=counts
    )


class TestCatalogue:
    def test_the_best_come_first_with_names_and_both_coordinates(self):
        catalogue = make_catalogue(candidates(), prefix="XYZ")
        assert catalogue.colnames == [*(column.name for column in COLUMNS), "depth"]
        assert catalogue["score"].tolist() == pytest.approx([0.9, 0.8, 0.7])
        assert catalogue["npix"].tolist() == [30, -1, 4]
        place = SkyCoord(10, 40, unit="deg", frame="galactic").icrs
        assert (catalogue["RA"][0], catalogue["Dec"][0]) == pytest.approx((place.ra.deg, place.dec.deg))
        hours, minutes = divmod(int(place.ra.deg * 4), 60)
        assert catalogue["name"][0].startswith(f"XYZ J{hours:02d}{minutes:02d}.")

    def test_columns_that_a_finder_lacks_are_empty(self):
        catalogue = make_catalogue(Table({"lon": [1.0], "lat": [2.0], "snr": [5.0]}), prefix="SKS")
        assert np.isnan(catalogue["score"][0])
        assert (catalogue["npix"][0], catalogue["finder"][0]) == (-1, "")
        empty = make_catalogue(Table({"lon": np.empty(0), "lat": np.empty(0)}), prefix="SKS")
        assert len(empty) == 0
        assert empty.colnames == [column.name for column in COLUMNS]

    def test_without_a_score_the_signal_to_noise_ranks(self):
        table = Table({"lon": [1.0, 2.0, 3.0], "lat": [0.0, 0, 0], "snr": [5.0, np.nan, 9.0]})
        assert make_catalogue(table, prefix="SKS")["GLON"].tolist() == [3, 1, 2]

    @pytest.mark.parametrize("ending", ["fits", "fits.gz", "ecsv", "csv"])
    def test_tables_are_the_same_when_read_again(self, tmp_path, found, ending):
        path = tmp_path / f"a.{ending}"
        write_catalogue(found.catalogue, path, cards=found.cards, overwrite=False)
        read = Table.read(path)
        assert read.colnames == found.catalogue.colnames
        for name in read.colnames:
            gap: Any = np.nan if read[name].dtype.kind == "f" else ""
            values = np.ma.filled(read[name], gap) if np.ma.is_masked(read[name]) else read[name]
            expected = found.catalogue[name]
            np.testing.assert_array_equal(np.asarray(values).astype(expected.dtype), np.asarray(expected))
        if ending != "csv":
            units_read, expected = (
                [str(table[name].unit or "") for name in table.colnames] for table in (read, found.catalogue)
            )
            assert units_read == expected  # of plain numbers that is nothing
            meta = {key: value for key, value, _ in cards_of(read)}
            assert (meta["MODEL"], meta["MODELSHA"], meta["FINDER"]) == ("xc", "ab" * 32, "both")
            assert (meta["THR_SCOR"], meta["SRC01"]) == (0.5, "sky_100.fits")
            assert int(meta["SUM01"]) > 0
            assert str(meta["CREATOR"]).startswith("skysieve ")
            assert "DATE" in meta
            assert meta["HISTORY"] == "skysieve: prefix = SKS"
            # of every column the meaning, also where FITS holds it in a card
            assert all(read[name].description for name in read.colnames if name != "depth")

    def test_a_votable_has_units_words_and_provenance(self, tmp_path, found):
        path = tmp_path / "a.vot"
        write_catalogue(found.catalogue, path, cards=found.cards, overwrite=False)
        tree = votable.parse(path, verify="exception")
        fields = {field.name: field for field in tree.get_first_table().fields}
        assert (str(fields["RA"].unit), fields["RA"].ucd) == ("deg", "pos.eq.ra;meta.main")
        assert fields["size"].description == "angular size"
        infos = {info.name: info.value for info in tree.resources[0].infos}
        assert infos["MODELSHA"] == "ab" * 32
        assert Table.read(path)["PSZ2"].tolist() == [PLANCK[0], "", ""]

    def test_parquet_has_units_and_provenance(self, tmp_path, found):
        parquet = pytest.importorskip("pyarrow.parquet")
        path = tmp_path / "a.parquet"
        write_catalogue(found.catalogue, path, cards=found.cards, overwrite=False)
        table = parquet.read_table(path)
        assert table.column_names == found.catalogue.colnames
        assert table.schema.field("RA").metadata[b"unit"] == b"deg"
        assert table.schema.metadata[b"MODELSHA"] == b"ab" * 32
        assert table["PSZ2"].to_pylist() == [PLANCK[0], "", ""]
        assert table["RA"].to_pylist() == list(found.catalogue["RA"])

    def test_fits_has_check_sums_and_a_name_without_a_form_is_refused(self, tmp_path, found):
        path = tmp_path / "a.fits"
        write_catalogue(found.catalogue, path, cards=found.cards, overwrite=False)
        with fits.open(path, checksum=True) as hdus:
            hdus.verify("exception")
            assert hdus[1].header["EXTNAME"] == "CLUSTERS"
        with pytest.raises(OutputError, match="exists"):
            write_catalogue(found.catalogue, path, cards=found.cards, overwrite=False)
        with pytest.raises(OutputError, match=r"a.txt: no form of tables has this ending"):
            write_catalogue(found.catalogue, tmp_path / "a.txt", cards=found.cards, overwrite=False)

    def test_an_empty_catalogue_can_be_written(self, tmp_path, cards):
        empty = make_catalogue(candidates()[:0], prefix="SKS")
        for ending in ("fits", "ecsv", "csv", "vot"):
            write_catalogue(empty, tmp_path / f"a.{ending}", cards=cards, overwrite=False)
            assert len(Table.read(tmp_path / f"a.{ending}")) == 0
        write_regions(empty, tmp_path / "a.reg", overwrite=False)
        assert len(Regions.read(tmp_path / "a.reg", format="ds9")) == 0


class TestRegions:
    @pytest.mark.parametrize("frame", ["galactic", "fk5"])
    def test_circles_of_the_size_of_candidates_bear_their_names(self, tmp_path, found, frame):
        write_regions(found.catalogue, tmp_path / "a.reg", frame=frame, overwrite=False)
        # j2000 is what ds9 calls FK5, too
        assert (tmp_path / "a.reg").read_text().splitlines()[1] == frame.replace("fk5", "j2000")
        circles = Regions.read(tmp_path / "a.reg", format="ds9")
        assert [circle.meta["text"] for circle in circles] == found.catalogue["name"].tolist()
        assert [circle.radius.to_value("arcmin") for circle in circles] == pytest.approx([7.5, 5.0, 3.0])
        place = circles[0].center.galactic
        assert (place.l.deg, place.b.deg) == pytest.approx((10, 40), abs=1e-4)


class TestFootprint:
    def test_its_area_and_what_it_covers(self):
        footprint = np.abs(LAT) > 30
        assert area_of(footprint) == pytest.approx(41253 / 2, rel=0.01)
        nested = healpy.reorder(footprint.astype(float), r2n=True) > 0
        for pixels, order in ((footprint, False), (nested, True)):
            assert covers(pixels, [0, 100, 200], [80, 10, -31], nested=order).tolist() == [True, False, True]

    @pytest.mark.parametrize("nested", [False, True])
    def test_a_moc_is_equatorial(self, tmp_path, cards, nested):
        footprint = (LAT > 60) | (SkyCoord(LON, LAT, unit="deg", frame="galactic").icrs.dec.deg < -80)
        ordered = healpy.reorder(footprint.astype(float), r2n=True) > 0 if nested else footprint
        path = tmp_path / "moc.fits"
        write_footprint(ordered, path, nested=nested, cards=cards, overwrite=False)
        moc = MOC.from_fits(path)
        assert moc.sky_fraction == pytest.approx(footprint.mean(), rel=0.02)
        pole, south, coma = SkyCoord([192.86, 0, 83.6], [27.13, -89.0, 22.0], unit="deg")
        assert [bool(moc.contains_skycoords(place)) for place in (pole, south, coma)] == [True, True, False]
        lon, lat = np.array([0.0, 0.0, 302.9, 96.3]), np.array([61.0, 59.0, -27.1, 60.5])
        assert read_footprint(path)(lon, lat).tolist() == [True, False, True, True]
        header = fits.getheader(path, 1)
        assert (header["ORDERING"], header["MODEL"], header["COORDSYS"]) == ("RANGE", "xc", "C")
        assert moc.max_order == 5

    def test_a_file_stays_small_however_ragged_the_footprint(self, tmp_path, cards, monkeypatch):
        monkeypatch.setattr("skysieve.clusters.catalogue.products_footprint.MAX_RANGES", 300)
        ragged = np.random.default_rng(0).random(12 * NSIDE**2) < 0.5
        write_footprint(ragged, tmp_path / "moc.fits", nested=False, cards=cards, overwrite=False)
        assert MOC.from_fits(tmp_path / "moc.fits").max_order < 5
        assert len(Table.read(tmp_path / "moc.fits")) <= 2 * 300  # both ends of each

    def test_no_sky_at_all_is_an_error(self, tmp_path):
        (tmp_path / "b.fits").write_text("no MOC")
        with pytest.raises(SourceError, match="cannot be read as a MOC"):
            read_footprint(tmp_path / "b.fits")
        with pytest.raises(FrameError, match="the footprint is empty"):
            write_footprint(np.zeros(12, bool), tmp_path / "a.fits", nested=False, cards=[], overwrite=False)


class TestAll:
    def test_all_is_written_and_sums_are_right(self, tmp_path, found):
        pytest.importorskip("pyarrow")
        written = write_products(found, tmp_path / "out", votable=True, parquet=True)
        names = ["fits", "ecsv", "vot", "parquet", "reg"]
        others = ["footprint.fits", "probability.fits", "summary.json", "summary.txt"]
        assert written[0] == tmp_path / "out" / "catalogue.fits"
        assert sorted(path.name for path in written) == sorted([*(f"catalogue.{n}" for n in names), *others])
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(p.name for p in written)
        score = read_healpix_map(tmp_path / "out" / "probability.fits", unit="")
        np.testing.assert_array_equal(score.values, found.maps["probability"])
        assert fits.getheader(tmp_path / "out" / "probability.fits", 1)["MODEL"] == "xc"
        summary = json.loads((tmp_path / "out" / "summary.json").read_text())
        assert (summary["candidates"], summary["in_no_catalogue"]) == (3, 2)
        assert summary["matched"]["PSZ2"]["matched"] == 1
        assert summary["matched"]["PSZ2"]["known"] == 2
        assert summary["area_deg2"] == pytest.approx(area_of(found.footprint))
        text = (tmp_path / "out" / "summary.txt").read_text()
        assert text.startswith("3 candidates on 20")
        assert "PSZ2: 1 of 2 matched within 7'; 0 expected by chance\n" in text
        assert "in none of these catalogues: 2\n" in text

    def test_nothing_is_replaced_unasked_and_nothing_left_half_done(self, tmp_path, found):
        write_products(found, tmp_path / "out")
        with pytest.raises(OutputError, match=r"catalogue.fits exists"):
            write_products(found, tmp_path / "out")
        before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
        broken = FoundClusters(found.catalogue, np.zeros(12, bool), {}, nested=False, cards=found.cards)
        with pytest.raises(FrameError):
            write_products(broken, tmp_path / "out", overwrite=True)
        assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
        write_products(found, tmp_path / "out", overwrite=True)


def test_units_are_those_of_the_field():
    catalogue = make_catalogue(candidates(), prefix="SKS")
    assert catalogue["size"].unit == units.arcmin
    assert catalogue["RA"].unit == catalogue["GLAT"].unit == units.deg
