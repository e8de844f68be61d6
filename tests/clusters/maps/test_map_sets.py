"""Sets of maps: found by their names or by a description, each in the unit of its band, or refused."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from tests.clusters.maps.real_maps import real_map

from skysieve.clusters.maps.healpix_maps import write_healpix_map
from skysieve.clusters.maps.map_sets import read_map_set
from skysieve.core.errors import ConfigError, FrameError, SourceError

NSIDE = 8
PIXELS = 12 * NSIDE**2
CMB = 1e-4 * np.random.default_rng(1).standard_normal(PIXELS).astype(np.float32)


def write(path, values=CMB, *, unit="K_CMB", frame="G", nested=False):
    write_healpix_map(path, values, nested=nested, frame=frame, unit=unit, column="I", overwrite=True)
    return path


@pytest.fixture
def sky(tmp_path):
    """Return a folder as a simulation leaves it."""
    for name, values, unit in (("143", CMB, "K_CMB"), ("100", 2 * CMB, "K_CMB"), ("857", 1 + CMB, "MJy/sr")):
        write(tmp_path / f"sky_{name}.fits", values, unit=unit)
    return tmp_path


def test_a_folder_of_simulated_maps_comes_in_rising_frequency(sky):
    found = read_map_set(sky)
    assert found.names == ("100", "143", "857")
    assert [band.unit for band in found.bands] == ["K_CMB", "K_CMB", "MJy/sr"]
    assert np.array_equal(found.stack.maps[1].values, CMB)


@pytest.mark.parametrize("release", ["R2.02", "R3.01"])
def test_the_official_names_of_planck_are_known(tmp_path, release):
    write(tmp_path / f"HFI_SkyMap_143_2048_{release}_full.fits", nested=True)
    write(tmp_path / f"HFI_SkyMap_353-psb-field-IQU_2048_{release}_full.fits", nested=True)
    write(tmp_path / f"HFI_SkyMap_143_2048_{release}_halfmission-1.fits", nested=True)
    assert read_map_set(tmp_path).names == ("143", "353")


def test_prefixes_of_units_are_taken_out(tmp_path):
    path = write(tmp_path / "sky_143.fits", 1e6 * CMB, unit="uK_CMB")
    (one,) = read_map_set(path).stack.maps
    assert one.unit == "K_CMB"
    assert one.values == pytest.approx(CMB, rel=1e-5, abs=1e-12)


def test_a_map_in_another_unit_than_its_bands_is_converted(tmp_path):
    path = write(tmp_path / "sky_143.fits", 371.74 * CMB, unit="MJy/sr")
    (one,) = read_map_set(path).stack.maps
    assert one.values == pytest.approx(CMB, rel=1e-5, abs=1e-12)


def test_a_level_that_no_such_map_has_is_warned_of(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    read_map_set(write(tmp_path / "sky_143.fits"))
    assert not caplog.records
    read_map_set(write(tmp_path / "sky_143.fits", 1e6 * CMB))
    assert "is the unit right?" in caplog.text


def test_bands_that_are_wanted_come_alone_or_are_missed(sky):
    assert read_map_set(sky, bands=["857", "100"]).names == ("100", "857")
    with pytest.raises(SourceError, match="no map of the band 217; bands found: "):
        read_map_set(sky, bands=["217"])
    with pytest.raises(SourceError, match="no map of the band 217, which is needed"):
        read_map_set(sky).select(["143", "217"])


def test_the_footprint_is_where_all_bands_have_data(sky):
    holed = CMB.copy()
    holed[5] = np.nan
    write(sky / "sky_143.fits", holed)
    assert np.flatnonzero(~read_map_set(sky).footprint()).tolist() == [5]


def test_a_map_without_data_is_refused(sky):
    write(sky / "sky_143.fits", np.full(PIXELS, np.nan, np.float32))
    with pytest.raises(SourceError, match="has no data, all pixels are UNSEEN"):
        read_map_set(sky)


@pytest.mark.parametrize(
    ("change", "told"),
    [({"nested": True}, "ORDERING"), ({"frame": "C"}, "COORDSYS")],
)
def test_maps_that_do_not_go_together_are_refused(sky, change, told):
    write(sky / "sky_143.fits", **change)
    with pytest.raises(FrameError, match=told):
        read_map_set(sky)


def test_maps_of_different_resolution_are_refused(sky):
    write(sky / "sky_143.fits", np.zeros(12 * 16**2, np.float32))
    with pytest.raises(FrameError, match="NSIDE is 16, and 8"):
        read_map_set(sky)


def describe(folder, text):
    path = folder / "maps.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_description_names_bands_of_other_surveys(tmp_path):
    write(tmp_path / "act.fits")
    path = describe(
        tmp_path, "maps: [{file: act.fits, band: f150, frequency: 150, beam: 1.4, noise: 2.0e-5}]"
    )
    (band,) = read_map_set(path).bands
    assert (band.frequency, band.fwhm, band.noise) == (150, 1.4, 2e-5)
    assert band.y_in_unit == pytest.approx(-2.6, abs=0.1)  # K_CMB per y at 150 GHz


def test_a_description_may_say_what_the_map_says(tmp_path):
    write(tmp_path / "mine.fits", frame="C", nested=True)
    path = describe(
        tmp_path, "maps: [{file: mine.fits, band: 143, frame: Equatorial, ordering: nest, unit: Kcmb}]"
    )
    stack = read_map_set(path).stack
    assert (stack.frame, stack.nested) == ("C", True)


def test_a_description_names_a_column(tmp_path):
    write(tmp_path / "mine.fits")
    assert len(
        read_map_set(describe(tmp_path, "maps: [{file: mine.fits, band: 143, field: i, hdu: MAP}]")).names
    )
    with pytest.raises(SourceError, match="no column 1; it has I"):
        read_map_set(describe(tmp_path, "maps: [{file: mine.fits, band: 143, field: 1}]"))


def test_a_description_may_change_a_band_of_planck(tmp_path):
    write(tmp_path / "mine.fits")
    (band,) = read_map_set(describe(tmp_path, "maps: [{file: mine.fits, band: 143, beam: 10}]")).bands
    assert band.fwhm == 10
    assert band.noise == pytest.approx(33e-6)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("maps: [{file: act.fits, band: f150}]", "describe it in a YAML file by frequency and beam"),
        ("maps: [{file: act.fits, band: 143, unit: MJy/sr}]", "header says the unit K_CMB"),
        ("maps: [{file: act.fits, band: 143, frame: C}]", "header says COORDSYS G"),
        ("maps: [{file: act.fits, band: 143, ordering: nested}]", "header says ORDERING RING"),
        ("maps: [{file: act.fits, band: 143, frame: middle}]", "frame 'middle' is not known"),
        ("maps: [{file: act.fits, band: 143}, {file: act.fits, band: 143, hdu: 2}]", "is a second map"),
        ("maps: [act.fits]", "is no mapping"),
        ("maps: [{file: act.fits, band: y}]", "a map of the band y in K_CMB"),
        ("maps: [{file: act.fits, band: 143, colour: red}]", "unknown setting colour"),
        ("maps: [{file: act.fits}]", "needs band"),
        ("maps: [{file: act.fits, band: 143, beam: -1}]", "beam is a number above 0"),
        ("maps: 3", "has a list maps"),
        ("maps: [", "cannot be read as a description"),
        ("maps: [{file: nothing.fits, band: 143}]", "nothing.fits"),
    ],
)
def test_descriptions_that_are_wrong_are_refused(tmp_path, text, told):
    write(tmp_path / "act.fits")
    with pytest.raises((SourceError, ConfigError), match=told):
        read_map_set(describe(tmp_path, text))


def test_a_name_that_tells_no_band_is_refused(tmp_path):
    with pytest.raises(SourceError, match="does not tell the band"):
        read_map_set(write(tmp_path / "map.fits"))
    with pytest.raises(SourceError, match="no map there"):
        read_map_set(tmp_path)
    with pytest.raises(SourceError, match="no such file or folder"):
        read_map_set(tmp_path / "nowhere")


def test_two_maps_of_a_band_are_not_chosen_from(tmp_path):
    for which in ("353", "353-psb"):
        write(tmp_path / f"HFI_SkyMap_{which}_2048_R3.01_full.fits")
    with pytest.raises(SourceError, match=r"second map of the band 353.*name the files"):
        read_map_set(tmp_path)
    assert read_map_set(tmp_path / "HFI_SkyMap_353-psb_2048_R3.01_full.fits").names == ("353",)


def test_a_unit_that_is_not_clear_must_be_given(tmp_path, caplog):
    path = write(tmp_path / "sky_143.fits", 1e6 * CMB, unit="uK")
    with pytest.raises(SourceError, match=r"the unit 'uK' is not clear.*option unit"):
        read_map_set(path)
    for units in ("uK_CMB", {"143": "uK_CMB", "217": "K_CMB"}):
        caplog.clear()
        (one,) = read_map_set(path, units=units).stack.maps
        assert one.values == pytest.approx(CMB, rel=1e-5, abs=1e-12)
        assert "uK is not clear; taken to be uK_CMB" in caplog.text
    with pytest.raises(SourceError, match="not clear"):
        read_map_set(path, units={"217": "K_CMB"})


def test_a_compton_map_needs_no_unit(tmp_path):
    write(tmp_path / "COM_CompMap_Compton-SZMap-milca-ymaps_2048_R2.00.fits", 0.01 * CMB, unit="")
    assert read_map_set(tmp_path).names == ("y",)


def test_a_map_of_the_compton_parameter_comes_last(sky):
    write(sky / "milca_ymaps.fits", 1e-6 * np.ones(PIXELS, np.float32), unit="y_SZ")
    found = read_map_set(sky)
    assert found.names[-1] == "y"
    assert found.bands[-1].y_in_unit == 1


def test_a_real_map_says_neither_unit_nor_frame_and_is_taken_as_told(tmp_path, caplog):
    path = real_map("healpix_wmap7_V_nside32.fits")
    text = f"maps: [{{file: {path}, band: V, frequency: 61, beam: 20, unit: mK_CMB, frame: G}}]"
    found = read_map_set(describe(tmp_path, text))
    assert found.stack.nside == 32
    assert 1e-5 < np.nanmedian(np.abs(found.stack.maps[0].values)) < 1e-3
    without = describe(tmp_path, f"maps: [{{file: {path}, band: V, frequency: 61, beam: 20, unit: mK_CMB}}]")
    with pytest.raises(SourceError, match="COORDSYS"):
        read_map_set(without)
