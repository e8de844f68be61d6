"""Catalogues of clusters: what is read of tables in many forms."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from tests.clusters.real_catalogues import catalogue

from skysieve.clusters.catalogue.known_catalogues import Y500_PER_Y5R500, read_known_catalogue
from skysieve.core.errors import SourceError

COMA = {"ra": 194.9531, "dec": 27.9807, "lon": 58.08, "lat": 87.96}


def text(path, content):
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("x", "y"), [("RA", "DEC"), ("RAJ2000", "DEJ2000"), ("_RAJ2000", "_DEJ2000"), ("RADeg", "decDeg")]
)
@pytest.mark.parametrize("ending", ["fits", "csv", "ecsv", "vot"])
def test_places_are_found_by_the_names_of_columns(tmp_path, x, y, ending):
    path = tmp_path / f"known.{ending}"
    form = {"vot": {"format": "votable"}}.get(ending, {})
    Table({x: [COMA["ra"]], y: [COMA["dec"]], "name": ["Coma"]}).write(path, **form)
    read = read_known_catalogue(path)
    assert read.name == "known"
    assert read.names.tolist() == ["Coma"]
    # as NED has it
    np.testing.assert_allclose([read.lon[0], read.lat[0]], [COMA["lon"], COMA["lat"]], atol=0.05)


def test_galactic_places_need_no_others(tmp_path):
    path = text(tmp_path / "a.csv", "GLON,GLAT\n10,5\n-10,-5\n")
    read = read_known_catalogue(path, name="mine")
    assert (read.name, read.lon.tolist(), read.lat.tolist()) == ("mine", [10.0, 350.0], [5.0, -5.0])
    assert read.names.tolist() == ["1", "2"]
    assert read.notes == (
        "GLON has no unit: taken as degrees",
        "GLAT has no unit: taken as degrees",
    )


def test_units_that_are_stated_are_taken_and_others_are_said(tmp_path, caplog):
    path = tmp_path / "units.ecsv"
    table = Table({"ra": [np.pi], "dec": [0.5], "M500": [3e14], "T500": [90.0], "Y500": [2e-7], "z": [0.3]})
    for name, unit in {
        "ra": "rad",
        "dec": "rad",
        "M500": "solMass",
        "T500": "arcsec",
        "Y500": "deg2",
    }.items():
        table[name].unit = unit
    table.write(path)
    read = read_known_catalogue(path)
    values = [read.m500[0], read.t500[0], read.y500[0], read.redshift[0]]
    np.testing.assert_allclose(values, [3.0, 1.5, 7.2e-4, 0.3])
    assert read.notes == ()
    np.testing.assert_allclose(read.lat[0], read_known_catalogue(sexagesimal(tmp_path)).lat[0], atol=1e-3)
    # numbers, where nothing is said
    plain = text(tmp_path / "plain.csv", "RA,DEC,M500,T500\n180,28.648,3.0e14,1.5\n")
    with caplog.at_level(logging.INFO, "skysieve"):
        read = read_known_catalogue(plain)
    np.testing.assert_allclose([read.m500[0], read.t500[0]], [3.0, 1.5])
    assert "M500 has no unit: taken as solar masses" in read.notes
    assert f"{plain}: T500 has no unit: taken as arcmin" in caplog.text


def sexagesimal(folder):
    return text(folder / "text.csv", f"RA,DEC\n12:00:00,{np.degrees(0.5):.4f}\n")


def test_what_no_unit_explains_is_left_out(tmp_path):
    path = text(tmp_path / "a.csv", "RA,DEC,M500\n10,10,14.2e6\n20,20,14.5e6\n")
    read = read_known_catalogue(path)
    assert np.isnan(read.m500).all()
    assert any("no masses; left out" in note for note in read.notes)


def test_units_that_nobody_knows_are_named(tmp_path):
    """As the published PSZ2 has them."""
    path = tmp_path / "psz2.fits"
    table = Table({"NAME": ["PSZ2 G000.04+45.13"], "GLON": [0.04], "GLAT": [45.13], "Y5R500": [5.0]})
    table["MSZ"], table["REDSHIFT"] = [3.96], [-1.0]
    table.write(path)
    from astropy.io import fits

    with fits.open(path, mode="update") as hdus:
        for number, unit in {2: "degrees", 3: "deg", 4: "10^-3 arcmin^2", 5: "10^14 Msol"}.items():
            hdus[1].header[f"TUNIT{number}"] = unit
    with pytest.raises(SourceError, match="column GLON: its unit degrees is no angle"):
        read_known_catalogue(path)
    with fits.open(path, mode="update") as hdus:
        hdus[1].header["TUNIT2"] = "deg"
    read = read_known_catalogue(path)
    np.testing.assert_allclose(read.y500, 5e-3 * Y500_PER_Y5R500)
    np.testing.assert_allclose(read.m500, 3.96)
    assert np.isnan(read.redshift).all()
    assert "MSZ has the unit 10^14 Msol: taken as 1e14 solMass" in read.notes


def test_rows_without_a_place_are_left_out(tmp_path):
    path = tmp_path / "gaps.ecsv"
    table = Table({"RA": MaskedColumn([10.0, 20.0, 30.0], mask=[False, True, False])})
    table["DEC"], table["Z"], table["NAME"] = [1.0, 2.0, 3.0], [-1.0, 0.2, 0.0], ["a", "b", "c"]
    table.write(path)
    read = read_known_catalogue(path)
    assert read.names.tolist() == ["a", "c"]
    assert np.isnan(read.redshift).all()
    assert "1 of 3 rows have no coordinates" in read.notes


def test_rows_without_one_place_may_have_the_other(tmp_path):
    path = text(tmp_path / "both.csv", f"GLON,GLAT,RA,DEC\n,,{COMA['ra']},{COMA['dec']}\n10,20,,\n")
    read = read_known_catalogue(path)
    np.testing.assert_allclose(read.lat, [COMA["lat"], 20.0], atol=0.05)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("NAME,Z\nComa,0.02\n", "no coordinates among its columns (NAME, Z); name them RA and DEC"),
        ("RA,Z\n1,0.02\n", "no coordinates among its columns (RA, Z)"),
        ("RA,DEC\n10,91\n", "row 1: 10, 91 is no place on the sky in degrees"),
        ("RA,DEC\nhere,there\n", "column RA: expected degrees"),
        ("RA,DEC\n,\n", "has no row with coordinates"),
        ("", "no coordinates among its columns (none)"),
        ("RA,DEC\n1,2,3\n", "cannot be read as a table"),
    ],
)
def test_what_cannot_be_a_catalogue_is_one_clear_error(tmp_path, content, problem):
    path = text(tmp_path / "bad.csv", content)
    with pytest.raises(SourceError) as error:
        read_known_catalogue(path)
    assert problem in str(error.value)
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"none.fits: no such file"):
        read_known_catalogue(tmp_path / "none.fits")


class TestPublished:
    def test_planck(self):
        with_z = read_known_catalogue(catalogue("clusters/planck_z.csv"))
        without = read_known_catalogue(catalogue("clusters/planck_no-z.csv"))
        merged = read_known_catalogue(
            catalogue("clusters/exp_joined_ami_carma_plck_psz1_psz2_act_spt_YT.fits")
        )
        assert (with_z.name, len(with_z), len(without), len(merged)) == ("PSZ2", 1094, 559, 2676)
        assert np.isfinite(with_z.m500).all()
        assert np.isnan(without.m500).all()
        assert np.isfinite(without.y500).all()
        # the same clusters with the same Y500 in the other file, under names that are cut there
        theirs = {(round(lon, 3), round(lat, 3)): y for lon, lat, y in zip(*columns(merged), strict=True)}
        shared = [
            (y, theirs[place])
            for lon, lat, y in zip(*columns(with_z), strict=True)
            if (place := (round(lon, 3), round(lat, 3))) in theirs and np.isfinite(theirs[place])
        ]
        assert len(shared) > 500
        ours, others = np.transpose(shared)
        np.testing.assert_allclose(ours, others, rtol=1e-4)

    def test_names_are_the_published_ones(self):
        table = Table.read(catalogue("clusters/exp_joined_ami_carma_plck_psz1_psz2_act_spt_YT.fits"))
        published = {str(name) for name in table["PSZ2_NAME"] if str(name).startswith("PSZ2")}
        read = [read_known_catalogue(catalogue(f"clusters/planck_{kind}.csv")) for kind in ("z", "no-z")]
        assert {name for one in read for name in one.names} == published

    def test_x_rays_and_galaxies(self):
        mcxc = read_known_catalogue(catalogue("clusters/MCXC_no_planck.csv"))
        assert (mcxc.name, len(mcxc), mcxc.names[0]) == ("MCXC", 1193, "MCXC J1539.5-8335")
        np.testing.assert_allclose(np.median(mcxc.m500), 1.28, atol=0.01)
        red = read_known_catalogue(catalogue("clusters/RM50_no_planck.csv"))
        assert (red.name, len(red), np.isnan(red.redshift).sum()) == ("redMaPPer", 4776, 2199)
        assert np.isnan(red.m500).all()

    def test_act(self):
        read = read_known_catalogue(catalogue("maps/act_dr3_E-D56Clusters.fits"), name="ACT")
        assert (read.name, len(read), read.names[0]) == ("ACT", 182, "ACT-CL J0001.4-0306")
        assert np.isfinite(read.redshift).all()
        np.testing.assert_allclose(read.m500[0], 3.7027, atol=1e-3)


def columns(read):
    return read.lon.tolist(), read.lat.tolist(), read.y500.tolist()
