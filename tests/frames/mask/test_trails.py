"""Trails as lines: where they end, how wide and bright they are, which pieces are one."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS
from tests.tiny_models import save_pixel_model

import skysieve
from skysieve.core.errors import ConfigError
from skysieve.core.fits.frames import ArrayFrame
from skysieve.core.fits.locations import Location
from skysieve.frames.mask.job import MaskJob
from skysieve.frames.mask.settings import MaskSettings
from skysieve.frames.mask.streaks.spikes import Spikes
from skysieve.frames.mask.trails.lines import trail_regions
from skysieve.frames.mask.trails.measuring import measure_trails
from skysieve.frames.mask.trails.settings import TrailSettings
from skysieve.frames.mask.trails.table import trails_table, write_trails
from skysieve.frames.mask.trails.widening import widen_trails

SHAPE = (300, 400)
NOISE = 5.0
TRL, SP, NODATA = 64, 1024, 8192
ROWS, COLUMNS = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float64)
Ends = tuple[tuple[float, float], tuple[float, float]]


def line(ends, height, fwhm=4.0, *, curve=None, bend=0.0):
    """Return the light of a line between two ends (x, y), in units of the noise."""
    (x1, y1), (x2, y2) = ends
    length = np.hypot(x2 - x1, y2 - y1)
    cosine, sine = (x2 - x1) / length, (y2 - y1) / length
    along = (COLUMNS - x1) * cosine + (ROWS - y1) * sine
    across = (ROWS - y1) * cosine - (COLUMNS - x1) * sine - bend * (along - length / 2) ** 2 / 2
    profile = (1 + (across / fwhm) ** 2 * 4 * (2 ** (1 / 2.5) - 1)) ** -2.5
    light = height * profile * ((along >= -0.5) & (along <= length + 0.5))
    return light if curve is None else light * curve(np.clip(along / length, 0, 1))


def seen(light, seed=0):
    """Return a frame with this light in it, and the mask of its bright pixels."""
    pixels = 500 + NOISE * (light + np.random.default_rng(seed).normal(size=SHAPE))
    return pixels.astype(np.float32), np.where(light > 1.5, TRL, 0).astype(np.int16)


def measured(light, *, hide=None, **options):
    pixels, bits = seen(light)
    if hide is not None:
        bits[hide] = 0
    return measure_trails(ArrayFrame(pixels), bits, **options)


def same_ends(trail, ends, atol):
    found = sorted(map(tuple, trail.points()))
    np.testing.assert_allclose(found, sorted(ends), atol=atol)


@pytest.mark.parametrize("ends", [((60, 50), (330, 240)), ((90, 250), (150, 40)), ((50, 150), (300, 160))])
@pytest.mark.parametrize("fwhm", [3.0, 9.0])
def test_a_trail_has_its_ends_width_and_brightness(ends, fwhm):
    light = line(ends, 6.0, fwhm)
    [trail] = measured(light)
    same_ends(trail, ends, 2.0)
    assert trail.width == pytest.approx(fwhm, rel=0.1)
    assert trail.profile.height == pytest.approx(6.0, rel=0.1)
    assert trail.noise == pytest.approx(NOISE, rel=0.1)
    assert trail.snr == pytest.approx(np.sqrt((light**2).sum()), rel=0.15)
    assert trail.at_border == (False, False)
    assert abs(trail.curvature) < 1e-4


def test_a_trail_across_the_frame_ends_at_its_borders():
    [trail] = measured(line(((-200, 20), (700, 280)), 5.0))
    assert trail.at_border == (True, True)
    assert trail.kind == "unsure"
    assert trail.points()[:, 0] == pytest.approx([-0.5, SHAPE[1] - 0.5], abs=0.1)


def test_a_curved_trail_has_its_curvature():
    bend = 2e-4
    [trail] = measured(line(((20, 130), (380, 150)), 8.0, bend=bend))
    assert abs(trail.curvature) == pytest.approx(bend, rel=0.1)


@pytest.mark.parametrize("gap", [(150, 250), (80, 100)])
def test_pieces_of_a_trail_are_joined_across_gaps(gap):
    ends = (20, 40), (380, 250)
    [trail] = measured(line(ends, 5.0), hide=(slice(None), slice(*gap)))
    same_ends(trail, ends, 2.0)


def test_pieces_of_a_trail_are_joined_across_a_long_dark_part():
    ends = (20, 40), (380, 250)
    light = line(ends, 5.0)
    light[:, 150:305] = 0
    [trail] = measured(light)
    same_ends(trail, ends, 2.0)


def test_a_trail_behind_a_star_is_one():
    ends = (20, 40), (380, 250)
    star = 3000 * np.exp(-((ROWS - 145) ** 2 + (COLUMNS - 200) ** 2) / 60)
    [trail] = measured(line(ends, 5.0) + star, hide=star > 1)
    same_ends(trail, ends, 2.0)
    assert trail.profile.height == pytest.approx(5.0, rel=0.15)


def test_parallel_trails_are_two():
    light = line(((20, 40), (380, 200)), 5.0) + line(((20, 70), (380, 230)), 5.0)
    assert len(measured(light)) == 2


def test_marks_without_light_are_no_trail():
    pixels, _ = seen(np.zeros(SHAPE))
    bits = np.where(line(((20, 40), (380, 250)), 5.0) > 1.5, TRL, 0).astype(np.int16)
    assert not measure_trails(ArrayFrame(pixels), bits)


@pytest.mark.parametrize("ends", [((-200, 20), (700, 280)), ((150, -20), (250, 320)), ((40, 250), (360, 30))])
def test_a_trail_too_faint_for_the_mask_is_found(ends):
    pixels, bits = seen(line(ends, 0.5, 5.0))
    assert not bits.any()
    assert not measure_trails(ArrayFrame(pixels), bits, settings=TrailSettings(faint=False))
    [trail] = measure_trails(ArrayFrame(pixels), bits)
    x, y = trail.points(5)[1:4].T
    (x1, y1), (x2, y2) = ends
    across = ((x - x1) * (y2 - y1) - (y - y1) * (x2 - x1)) / np.hypot(x2 - x1, y2 - y1)
    assert np.abs(across).max() < 2.0


def test_faint_rows_of_a_detector_are_no_trail():
    pixels, bits = seen(line(((-20, 100), (420, 104)), 0.8, 5.0))
    assert not measure_trails(ArrayFrame(pixels), bits)


@pytest.mark.parametrize("seed", range(4))
def test_an_empty_frame_has_no_trail(seed):
    stars = np.zeros(SHAPE)
    for x, y, peak in np.random.default_rng(seed).uniform((0, 0, 0), (400, 300, 6), (60, 3)):
        stars += np.exp(peak) * np.exp(-((ROWS - y) ** 2 + (COLUMNS - x) ** 2) / 6)
    pixels, _ = seen(stars, seed)
    bits = np.where(stars > 1, 4096, 0).astype(np.int16)
    assert not measure_trails(ArrayFrame(pixels), bits)


def test_a_spike_is_no_trail():
    star = Spikes(150.0, 200.0, (np.arctan2(100, 180),), 120.0)
    light = line(((110, 100), (290, 200)), 5.0)
    assert measured(light)
    assert not measured(light, spikes=[star])
    pixels, bits = seen(light)
    bits[light > 0.5] |= SP
    assert measure_trails(ArrayFrame(pixels), bits)  # no bright star is near
    pixels, _ = seen(light + 2000 * np.exp(-((ROWS - 150) ** 2 + (COLUMNS - 200) ** 2) / 6))
    assert not measure_trails(ArrayFrame(pixels), bits)


def test_the_track_of_a_particle_is_no_trail():
    ends = (110, 100), (250, 200)
    assert not measured(line(ends, 30.0, fwhm=1.0))
    assert measured(line(ends, 30.0, fwhm=3.0))


def test_short_and_faint_trails_are_left_out():
    light = line(((60, 50), (330, 240)), 6.0)
    assert measured(light, settings=TrailSettings(min_length=300))
    assert not measured(light, settings=TrailSettings(min_length=350))
    assert not measured(light, settings=TrailSettings(min_snr=1000))


def test_flashes_have_their_period():
    ends = (20, 40), (380, 250)
    length = np.hypot(360, 210)

    def flashes(position):
        return 0.2 + 0.8 * (np.cos(2 * np.pi * position * length / 40) > 0.5)

    pixels, _ = seen(line(ends, 8.0, curve=flashes))
    _, bits = seen(line(ends, 8.0))
    [trail] = measure_trails(ArrayFrame(pixels), bits)
    assert trail.period == pytest.approx(40, abs=1)
    assert trail.kind == "satellite or aircraft"


def test_a_steady_trail_has_no_period():
    [trail] = measured(line(((60, 50), (330, 240)), 6.0))
    assert np.isnan(trail.period)
    assert trail.kind == "satellite or aircraft"  # it ends in the frame, abruptly


def test_a_trail_that_brightens_and_fades_is_a_meteor():
    [trail] = measured(line(((40, 60), (350, 240)), 40.0, curve=lambda s: s * (1 - s) ** 0.7 * 2.4))
    assert trail.kind == "meteor"


def test_wings_are_masked_down_to_their_level():
    light = line(((60, 50), (330, 240)), 50.0)
    pixels, bits = seen(light)
    bits[:, :100] |= NODATA
    result = widen_trails(bits, measure_trails(ArrayFrame(pixels), bits), 0.2)
    marked = (result & TRL) != 0
    inside = (bits & NODATA) == 0
    assert marked[inside & (light > 0.5)].all()
    assert not marked[inside & (light > 0) & (light < 0.08)].any()
    np.testing.assert_array_equal(result[~inside], bits[~inside])


def ccd(column):
    """Return the header of a detector whose first column is this one of the camera."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [150, 2], [400 - column, 150], [-1e-4, 1e-4]
    return wcs.to_header()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return str(save_pixel_model(folder / "tiny", {"CR": 600, "TRL": 10, "BG": -1e4}))


@pytest.fixture
def exposure(tmp_path):
    """Write an exposure of two detectors with a gap of 40 px between them, and a trail across both."""
    hdus = [fits.PrimaryHDU()]
    for number, column in enumerate((0, 440)):
        light = line(((-100 - column, 20), (1000 - column, 280)), 30.0)
        light += line(((100, 30), (220, 20)), 30.0)
        hdus.append(fits.ImageHDU(seen(light, number)[0], ccd(column), name=f"N{number + 1}"))
    hdus[1].header["BUNIT"] = "adu"
    path = tmp_path / "exposure.fits"
    fits.HDUList(hdus).writeto(path)
    return path


def records(path, model, tmp_path):
    job = MaskJob(
        MaskSettings(model=model, priors=None),
        TrailSettings(),
        output=f"{tmp_path}/m/",
        regions=True,
        overwrite=True,
    )
    record = job.run(Location(path))
    return record, [one for frame in record.frames for one in frame.trails]


def test_pieces_on_several_detectors_are_one_trail(exposure, model, tmp_path):
    pytest.importorskip("regions")
    record, found = records(exposure, model, tmp_path)
    table = trails_table(found)
    assert len(table) == 4
    numbers = {hdu: set(table["trail"][table["hdu"] == hdu]) for hdu in (1, 2)}
    assert len(numbers[1] & numbers[2]) == 1
    assert len(numbers[1] | numbers[2]) == 3
    whole = table[np.isin(table["trail"], list(numbers[1] & numbers[2]))]
    assert whole["total_length"].value == pytest.approx(0.36 * np.hypot(840, 840 * 260 / 1100), rel=0.01)
    assert whole["sky_width"].value == pytest.approx(0.36 * 4, rel=0.1)
    x, y = WCS(ccd(0)).world_to_pixel_values(whole["ra1"][0].value, whole["dec1"][0].value)
    assert (x + 1, y + 1) == pytest.approx((whole["x1"][0].value, whole["y1"][0].value), abs=0.02)
    assert table["unit"][0] == "adu"
    assert len(trail_regions(table)) == 4
    [lines] = [path.read_text() for path in record.regions if path.name.endswith(".1.reg")]
    assert lines.count("line(") == 2
    assert "TRL 4." in lines


def test_detectors_in_separate_files_are_joined_by_the_time_of_the_exposure(exposure, model, tmp_path):
    names = []
    with fits.open(exposure) as hdus:
        for hdu, time in ((hdus[1], "2026-11-30T01:02:03"), (hdus[2], "2026-11-30T01:02:03")):
            hdu.header["DATE-OBS"] = time
            names.append(tmp_path / f"{hdu.name}.fits")
            fits.PrimaryHDU(hdu.data, hdu.header).writeto(names[-1])
    one, other = (records(name, model, tmp_path)[1] for name in names)
    assert len(set(trails_table([*one, *other])["trail"])) == 3
    fits.setval(names[1], "DATE-OBS", value="2026-11-30T01:09:03")
    other = records(names[1], model, tmp_path)[1]
    assert len(set(trails_table([*one, *other])["trail"])) == 4


def test_a_result_lists_its_trails(model):
    pixels, _ = seen(line(((60, 50), (330, 240)), 30.0))
    result = skysieve.mask(pixels, model=model, priors=None)
    table = skysieve.trails(result)
    assert len(table) == 1
    assert table["width"][0].value == pytest.approx(4.0, rel=0.1)
    assert np.isnan(table["ra1"][0])
    assert not len(skysieve.trails(result, min_length=500))
    assert result.widened(0.1).boolean("TRL").sum() > 2 * result.boolean("TRL").sum()
    with pytest.raises(ConfigError, match="keep_pixels=True"):
        skysieve.trails(skysieve.mask(pixels, model=model, keep_pixels=False))
    with pytest.raises(ConfigError, match="need the class TRL"):
        skysieve.trails(skysieve.mask(pixels, model=model, classes=("CR",)))
    with pytest.raises(ConfigError, match="unknown setting 'length'"):
        skysieve.trails(result, length=3)


def test_a_table_without_trails_can_be_read(tmp_path):
    write_trails([], tmp_path / "t.ecsv", overwrite=False)
    table = QTable.read(tmp_path / "t.ecsv")
    assert not len(table)
    assert table["x1"].unit == "pix"
