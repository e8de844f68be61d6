"""Every kind of file that one verb reads, the others and the API read too; what one refuses, all refuse."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from tests.core.fits.odd_files import write_bad_kinds, write_good_kinds
from tests.ghosts import tiny_camera
from tests.ghosts.tiny_camera import TABLE, calibrated
from tests.tiny_models import save_ghost_model

import skysieve
from skysieve.core.errors import SkysieveError

GOOD = (
    "last block short",
    "gzip",
    "gzip with a long tail",
    "bzip2",
    "LZW",
    "beside a damaged table",
    "beside a damaged image",
    "one tile an image",
    "asinh scale",
)
BAD = (
    "axis is a text",
    "axis is absurd",
    "axis is negative",
    "only a damaged image",
    "image of terapixels",
    "axis of a tile is absurd",
    "header without end",
    "no such LZW",
    "xz",
)
WARNED = {
    "beside a damaged table": "HDU 6 ASC, a table, is damaged and is left out",
    "beside a damaged image": "HDU 6 is left out, as it is damaged: its axes are 64 x abc",
    "asinh scale": "is on an asinh scale (BSOFTEN); made linear: 900 + 2 * 40 * sinh(0.4 ln(10) x)",
}


def exposure():
    """Return five CCDs with a bright patch and a ray each, so that every verb finds something."""
    ccds = tiny_camera.sky()
    for number, pixels in ccds.items():
        pixels[100:164, 40:90] += 600
        pixels[30 + number, 20] += 5000
    primary = fits.PrimaryHDU()
    primary.header["INSTRUME"] = "TinyCam"
    return fits.HDUList([primary, *(calibrated(number, pixels) for number, pixels in ccds.items())])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exposures")
    (folder / "tiny.ecsv").write_text(TABLE)
    return {**write_good_kinds(folder, exposure()), **write_bad_kinds(folder, exposure())}


@pytest.fixture(scope="module")
def ghost_model(tmp_path_factory):
    return save_ghost_model(tmp_path_factory.mktemp("models") / "ghosts")


@pytest.fixture
def models(pixel_model, mean_model):
    """The models for masks and for tracking, as the API takes them."""
    return str(pixel_model), str(mean_model)


@pytest.fixture
def verbs(run, pixel_model, mean_model, ghost_model, files):
    """The three verbs as functions of a file; each writes where the test runs."""
    camera = files["plain"].with_name("tiny.ecsv")

    def ghosts(path):
        return run("ghosts", path, "--model", ghost_model, "--camera", camera, "-o", "./", "--overwrite")

    return {
        "mask": lambda path: run("mask", path, "--model", pixel_model, "-o", "./", "--overwrite"),
        "track": lambda path: run("track", path, "--model", mean_model),
        "ghosts": ghosts,
    }


def bits(path):
    """Return the masks in a product."""
    with fits.open(path) as hdus:
        return np.array([hdu.data for hdu in hdus if hdu.name in {"A1", "A2", "B1", "B2", "B3"}])


@pytest.mark.parametrize("kind", GOOD)
def test_masks_tracks_ghosts_and_results_are_those_of_the_plain_file(verbs, files, kind, models):
    plain, path = files["plain"], files[kind]
    stem = path.name.partition(".")[0]
    for name, verb in verbs.items():
        expected, found = verb(plain), verb(path)
        assert (expected.code, expected.err) == (0, ""), name
        assert found.code == 0, (name, found.err)
        if kind in WARNED and not (name != "mask" and kind == "beside a damaged table"):
            assert WARNED[kind] in found.err, name
        else:
            assert found.err == "", name
        if name == "track":
            right, values = (
                [float(line.split()[-1]) for line in one.out.splitlines()] for one in (expected, found)
            )
            assert np.allclose(values, right, atol=1e-3)
            assert len(right) == 6
    masks = bits("plain.mask.fits")
    assert (masks & 1).any()
    assert np.mean(bits(f"{stem}.mask.fits") != masks) < 1e-4
    assert np.array_equal(fits.getdata(f"{stem}.ghosts.fits"), fits.getdata("plain.ghosts.fits"))
    results = skysieve.mask_file(path, model=models[0], keep_pixels=True)
    assert np.mean(np.array([result.bits for result in results]) != masks) < 1e-4
    assert results[0].pixels is not None
    assert np.allclose(results[0].pixels, exposure()[1].data, rtol=1e-4)
    tracks = skysieve.track_file(path, model=models[1])
    assert len(tracks) == 5


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_right_is_one_line_for_each(verbs, files, kind, models, tmp_path):
    path = files[kind]
    for name, verb in verbs.items():
        result = verb(path)
        assert result.code == 1, name
        [line] = result.err.splitlines()
        assert line.startswith("skysieve: error: "), name
        assert path.name in line
        assert "unexpected" not in line
    assert not list(tmp_path.iterdir())
    with pytest.raises(SkysieveError, match=path.name):
        skysieve.mask_file(path, model=models[0])
    with pytest.raises(SkysieveError, match=path.name):
        skysieve.track_file(path, model=models[1])


def test_the_mask_of_an_asinh_scale_says_so(verbs, files):
    verbs["mask"](files["asinh scale"])
    header = fits.getheader("asinh.mask.fits", 1)
    assert "asinh scale = 900 + 2 * 40 * sinh(0.4 ln(10) x)" in " ".join(map(str, header["HISTORY"]))
    assert "BSOFTEN" not in header


def test_a_damaged_table_leaves_an_empty_hdu_in_its_place(verbs, files):
    verbs["mask"](files["beside a damaged table"])
    with fits.open("beside_a_damaged_table.mask.fits", checksum=True) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "A1", "A2", "B1", "B2", "B3", "ASC"]
        assert hdus["ASC"].data is None


def astropy_reads(path):
    """Tell whether this release of astropy can read integers with ZBLANK (astropy/astropy#16550)."""
    try:
        fits.getdata(path, 1)
    except ValueError:
        return False
    return True


def test_the_files_that_users_had_trouble_with(verbs):
    """What is right for each is in the README beside them."""
    data = os.environ.get("SKYSIEVE_TEST_DATA")
    folder = Path(data or "").resolve().parent / "cases"
    if not data or not folder.exists():
        pytest.skip("no folder cases beside SKYSIEVE_TEST_DATA")
    good = [*folder.glob("02_*.fits"), *folder.glob("07_*.fits"), *folder.glob("hostile/00[47]*_mef.fits")]
    bad = [*folder.glob("hostile/*.fz")]
    assert len(good) > 4
    assert len(bad) > 3
    for path in (*good, *bad):
        if "zblank" in path.name and not astropy_reads(path):
            continue
        for name, wanted in (("mask", int(path in bad)), ("track", int(path in bad)), ("ghosts", 1)):
            result = verbs[name](path)
            assert result.code == wanted, (path.name, name, result.err)
            assert "unexpected" not in result.err
            assert all(line.startswith("skysieve: ") for line in result.err.splitlines())
