"""``skysieve healsparse``: maps of a survey from masks."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS
from tests.cli.command import failure, leftovers, sky, write

from skysieve.core.fits.fits_integrity import is_intact

hsp = pytest.importorskip("healsparse")
pytest.importorskip("mocpy")

SHAPE = (60, 80)
NSIDE = 65_536
PIXEL_AREA = 41252.96124941927 / (12 * NSIDE**2)
PLANES = {"CR": 1, "TRL": 64, "NEB": 256, "NODATA": 8192}


def world(ra=150.0, dec=2.0, scale=0.5):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ("RA---TAN", "DEC--TAN"), (ra, dec), (40, 30)
    wcs.wcs.cdelt = (-scale / 3600, scale / 3600)
    return wcs


def mask(path, *, marks=(), band="r", wcs=None, shape=SHAPE, planes=None, bad=1 | 64 | 8192):
    """Write a mask with marks: rows, columns, value."""
    planes = PLANES if planes is None else planes
    values = np.zeros(shape, np.int16)
    for rows, columns, value in marks:
        values[rows, columns] |= value
    header = (world() if wcs is None else wcs).to_header() if wcs is not False else fits.Header()
    for number, (name, value) in enumerate(planes.items()):
        header[f"MSKN{number:04d}"], header[f"MSKM{number:04d}"] = name, value
    header["BADBITS"] = bad
    if band:
        header["FILTER"] = band
    write(path, fits.ImageHDU(values, header))
    return values


def on_sky(values, wcs, bit):
    """Return the pixels in which a pixel of the mask with the bit has its centre."""
    healpy = pytest.importorskip("healpy")
    rows, columns = np.nonzero(values & bit if bit else values == values)  # noqa: PLR0124
    place = wcs.pixel_to_world(columns, rows)
    return np.unique(healpy.ang2pix(NSIDE, place.ra.deg, place.dec.deg, nest=True, lonlat=True))


def marked(path):
    found = hsp.HealSparseMap.read(str(path))
    assert found.is_bit_packed_map
    assert (found.nside_sparse, found.nside_coverage) == (NSIDE, 128)
    return found.valid_pixels


@pytest.fixture
def survey(run, tmp_path):
    """Write two masks, and return a function that runs the command on their folder."""
    mask(tmp_path / "masks/a.mask.fits", marks=[(slice(5, 9), slice(7, 60), 64), (20, 30, 1), (33, 44, 256)])
    mask(tmp_path / "masks/b.mask.fits", marks=[(50, 60, 1)], wcs=world(150.003), band="g SDSS")

    def command(*more, nside=NSIDE):
        return run("healsparse", "masks/", "-o", "survey", "--nside", str(nside), *more)

    return command


def test_maps_hold_what_any_mask_marks(survey, tmp_path):
    result = survey()
    assert result.code == 0, result
    assert result.out.count("-> survey/parts/") == 2
    assert not result.err
    first, second = (fits.getdata(tmp_path / f"masks/{name}.mask.fits") for name in "ab")
    for name, bit in (("CR", 1), ("TRL", 64)):
        expected = np.union1d(on_sky(first, world(), bit), on_sky(second, world(150.003), bit))
        np.testing.assert_array_equal(marked(f"survey/{name}.hsp"), expected)
    observed = np.union1d(on_sky(first, world(), 0), on_sky(second, world(150.003), 0))
    np.testing.assert_array_equal(marked("survey/OBSERVED.hsp"), observed)
    both = np.union1d(marked("survey/CR.hsp"), marked("survey/TRL.hsp"))
    np.testing.assert_array_equal(marked("survey/MASKED.hsp"), both)
    assert not Path("survey/NEB.hsp").exists()
    assert all(is_intact(path) for path in Path("survey").glob("*.hsp"))
    assert not leftovers(tmp_path / "survey")


def test_areas_are_those_of_the_maps(survey):
    survey()
    table = QTable.read("survey/areas.ecsv")
    assert list(table["class"]) == ["CR", "TRL", "NODATA", "MASKED", "OBSERVED"]
    for row in table:
        size = len(marked(f"survey/{row['file']}"))
        assert row["pixels"] == size
        assert row["area"].to_value("deg2") == pytest.approx(size * PIXEL_AREA)
        assert row["fraction"] == pytest.approx(size / table["pixels"][-1])


def test_a_part_of_a_map_is_read_alone(survey):
    survey()
    whole = hsp.HealSparseMap.read("survey/OBSERVED.hsp")
    blocks = np.flatnonzero(whole.coverage_mask)
    assert len(blocks) > 1
    for block in blocks:
        part = hsp.HealSparseMap.read("survey/OBSERVED.hsp", pixels=[block])
        inside = whole.valid_pixels // (NSIDE // 128) ** 2 == block
        np.testing.assert_array_equal(part.valid_pixels, whole.valid_pixels[inside])


def test_a_long_map_is_reshaped_as_healsparse_does_it(survey, monkeypatch):
    survey("--overwrite")
    before = marked("survey/OBSERVED.hsp")
    monkeypatch.setattr("skysieve.frames.survey.map_files.LONGEST_AXIS", 100)
    survey("--overwrite")
    assert fits.getheader("survey/OBSERVED.hsp", 1)["RESHAPED"]
    np.testing.assert_array_equal(marked("survey/OBSERVED.hsp"), before)


def test_maps_of_each_band(survey, tmp_path):
    assert survey("--by-band", "--classes", "cr,NEB").code == 0
    names = {path.name for path in Path("survey").glob("*.hsp")}
    assert names == {f"{name}-{band}.hsp" for name in ("CR", "NEB", "MASKED", "OBSERVED") for band in "gr"}
    first = fits.getdata(tmp_path / "masks/a.mask.fits")
    np.testing.assert_array_equal(marked("survey/CR-r.hsp"), on_sky(first, world(), 1))
    np.testing.assert_array_equal(marked("survey/NEB-r.hsp"), on_sky(first, world(), 256))
    assert not len(marked("survey/NEB-g.hsp"))


def test_mocs_have_the_cells_of_the_maps(survey):
    from mocpy import MOC

    assert survey("--moc", "17").code == 0
    assert survey("--moc", "17").code == 0
    cells = MOC.from_fits("survey/TRL.moc.fits").flatten()
    np.testing.assert_array_equal(np.sort(cells), marked("survey/TRL.hsp"))
    assert not is_coarse("survey/TRL.moc.fits")
    assert survey("--moc", "12").code == 0
    moc = MOC.from_fits("survey/TRL.moc.fits")
    np.testing.assert_array_equal(np.sort(moc.flatten()), np.unique(marked("survey/TRL.hsp") >> 2 * 4))
    assert is_coarse("survey/TRL.moc.fits")


def is_coarse(path):
    from mocpy import MOC

    return MOC.from_fits(path).max_order < 16


def test_pixels_without_data_are_not_observed(run, tmp_path):
    values = mask(tmp_path / "a.fits", marks=[(slice(None), slice(0, 40), 8192)])
    assert run("healsparse", "a.fits", "-o", "survey", "--nside", str(NSIDE)).code == 0
    rows, columns = np.nonzero(values == 0)
    assert len(marked("survey/OBSERVED.hsp")) < 0.6 * len(on_sky(values, world(), 0))
    expected = np.where(
        np.isin(np.arange(80), np.unique(columns))[None] & (np.arange(60) >= 0)[:, None], 1, 0
    )
    assert set(rows) == set(range(60))
    np.testing.assert_array_equal(marked("survey/OBSERVED.hsp"), on_sky(expected, world(), 1))


def test_a_second_run_does_nothing_again(survey):
    survey()
    times = {path: path.stat().st_mtime_ns for path in Path("survey").rglob("*.*s*")}
    result = survey()
    assert result.out.count("its part is there") == 2
    assert result.out.count("was there") == 5
    kept = {path for path in times if path.stat().st_mtime_ns == times[path]}
    assert kept == set(times) - {Path("survey/areas.ecsv")}


def test_masks_are_added_to_a_survey(survey, run, tmp_path):
    survey()
    before = marked("survey/CR.hsp")
    new = mask(tmp_path / "later/a.mask.fits", marks=[(slice(10, 15), slice(10, 15), 1)], wcs=world(151.0))
    result = run("healsparse", "later/a.mask.fits", "-o", "survey", "--nside", str(NSIDE))
    assert result.code == 0, result
    expected = np.union1d(before, on_sky(new, world(151.0), 1))
    np.testing.assert_array_equal(marked("survey/CR.hsp"), expected)


def test_a_mask_that_changed_is_projected_again(survey, tmp_path):
    survey()
    time.sleep(0.02)
    first = mask(tmp_path / "masks/a.mask.fits", marks=[(3, 3, 1)])
    result = survey()
    assert result.out.count("its part is there") == 1
    assert np.isin(on_sky(first, world(), 1), marked("survey/CR.hsp")).all()
    assert not len(marked("survey/TRL.hsp"))


def test_a_part_that_is_damaged_is_made_again(survey):
    survey()
    part = next(Path("survey/parts").glob("a*.fits"))
    before, content = marked("survey/TRL.hsp"), bytearray(part.read_bytes())
    content[-2880] ^= 255
    part.write_bytes(content)
    result = survey()
    assert result.code == 0, result
    assert result.out.count("its part is there") == 1
    np.testing.assert_array_equal(marked("survey/TRL.hsp"), before)


def test_parts_only_leaves_the_maps_to_another_run(survey):
    assert survey("--parts-only").code == 0
    assert not list(Path("survey").glob("*.hsp"))
    assert len(list(Path("survey/parts").glob("*.fits"))) == 2


def test_processes_share_the_masks(survey):
    result = survey("-j", "2")
    assert result.code == 0, result
    assert len(marked("survey/TRL.hsp"))


def test_masks_of_the_command_are_understood(run, tmp_path, pixel_model):
    frame = fits.PrimaryHDU(sky(), world().to_header())
    frame.writeto(tmp_path / "frame.fits")
    assert run("mask", "frame.fits", "--model", pixel_model, "--priors", "none", "-o", "masks/").code == 0
    result = run("healsparse", "masks/", "-o", "survey", "--nside", str(NSIDE), "--classes", "CR")
    assert result.code == 0, result
    values = fits.getdata("masks/frame.mask.fits")
    np.testing.assert_array_equal(marked("survey/CR.hsp"), on_sky(values, world(), 1))


@pytest.mark.parametrize("compressed", [False, True])
def test_unsigned_masks_of_other_programs_are_read(run, tmp_path, compressed):
    values = np.zeros(SHAPE, np.uint16)
    values[20:30, 10:15] = 1 << 15
    header = world().to_header()
    header["MP_BAD"], header["FILTER"] = 15, "r"
    kind = fits.CompImageHDU if compressed else fits.ImageHDU
    write(tmp_path / "lsst.fits", kind(values, header))
    result = run("healsparse", "lsst.fits", "-o", "survey", "--nside", str(NSIDE))
    assert result.code == 0, result
    np.testing.assert_array_equal(marked("survey/BAD.hsp"), on_sky(values, world(), 1 << 15))
    np.testing.assert_array_equal(marked("survey/OBSERVED.hsp"), on_sky(values, world(), 0))


class TestBadInput:
    def test_a_mask_without_world_coordinates_is_named_and_the_others_are_done(self, survey, tmp_path):
        mask(tmp_path / "masks/c.mask.fits", wcs=False)
        result = survey()
        assert result.code == 1
        assert "masks/c.mask.fits[1]: has no world coordinates" in result.err
        assert len(marked("survey/TRL.hsp"))

    def test_a_foreign_file_is_one_line(self, run, tmp_path):
        write(tmp_path / "frame.fits", sky())
        line = failure(run("healsparse", "frame.fits", "-o", "survey"))
        assert line.startswith("frame.fits: is no mask: no image of it has integers and names its planes")
        assert not Path("survey").exists()

    def test_a_folder_without_masks_is_one_line(self, run, tmp_path):
        write(tmp_path / "night/a.fits", sky())
        line = failure(run("healsparse", "night", "-o", "survey"))
        assert line.startswith("night: none of the 1 files is a mask with named planes")

    def test_foreign_files_in_the_folder_are_skipped(self, survey, tmp_path):
        write(tmp_path / "masks/frame.fits", sky())
        result = survey()
        assert result.code == 0, result
        assert "skipped 1 file" in result.out

    def test_a_cube_is_one_line(self, run, tmp_path):
        header = world().to_header()
        header["MSKN0000"], header["MSKM0000"] = "CR", 1
        write(tmp_path / "cube.fits", fits.ImageHDU(np.zeros((2, *SHAPE), np.int16), header))
        assert "a mask on the sky has two axes" in failure(run("healsparse", "cube.fits", "-o", "survey"))

    @pytest.mark.parametrize("nside", [1000, 256, 262_144, 0])
    def test_nside_is_a_power_of_two_in_bounds(self, survey, nside):
        line = failure(survey(nside=nside))
        assert line == f"nside {nside}: expected a power of two from 512 to 131072"

    def test_another_nside_than_that_of_the_survey_is_one_line(self, survey):
        survey()
        before = marked("survey/TRL.hsp")
        line = failure(survey(nside=4096))
        assert line.startswith(f"survey: is a survey of nside {NSIDE}, not 4096")
        np.testing.assert_array_equal(marked("survey/TRL.hsp"), before)

    def test_an_unknown_class_is_one_line(self, survey):
        assert failure(survey("--classes", "XX")) == (
            "--classes XX: no mask has this class; they have CR, TRL, NODATA, NEB"
        )

    def test_masks_without_a_band_are_one_line(self, survey, tmp_path):
        mask(tmp_path / "masks/c.mask.fits", band="")
        assert failure(survey("--by-band")).startswith("--by-band: 1 of 3 files of masks state no band")

    def test_a_file_in_place_of_a_map_is_kept(self, survey):
        Path("survey").mkdir()
        Path("survey/TRL.hsp").write_text("mine")
        assert failure(survey()).startswith("survey/TRL.hsp: exists, and is no map of a survey")
        assert Path("survey/TRL.hsp").read_text() == "mine"

    def test_a_file_in_place_of_the_folder_is_one_line(self, survey):
        Path("survey").write_text("mine")
        assert failure(survey()) == "cannot write survey: it is a file; name a folder"

    def test_a_class_that_some_masks_lack_is_warned_of(self, survey, tmp_path):
        mask(tmp_path / "masks/c.mask.fits", planes={"CR": 1}, bad=1)
        result = survey()
        assert result.code == 0
        assert "1 of 3 files of masks were made without the class TRL" in result.err
