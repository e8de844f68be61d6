"""``skysieve simulate``: frames with truth, all that is known about them, and what makes them once more."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import QTable
from PIL import Image
from tests.cli.command import failure, leftovers, write
from tests.frames.simulate.plain import PLAIN

from skysieve.core.extras import install_command
from skysieve.core.fits.bitplanes import MaskSchema
from skysieve.core.fits.fits_integrity import is_intact
from skysieve.frames.evaluate.tracking import read_labelled_frame
from skysieve.frames.mask.classes import CLASSES, find_class
from skysieve.frames.simulate import simulate_frame
from skysieve.frames.simulate.recipe import read_recipe
from skysieve.frames.simulate.truth_frames import read_truth_frame
from skysieve.ghosts.annotations.annotation_files import read_annotations
from skysieve.ghosts.classes import CLASS_NAMES
from skysieve.ghosts.simulate.entrance import Entrance
from skysieve.ghosts.simulate.path_table import PathTable, decam_paths

FRAME_SIZE = ("--width", 96, "--height", 64)
SIZE = ("--size", "64x96")


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "plain.yaml"
    path.write_text(PLAIN.to_yaml(), encoding="utf-8")
    return path


@pytest.fixture
def contaminants(run, recipe):
    """Simulate a short series into the folder ``out``."""

    def contaminants(*options, n=2, seed=3, size=SIZE):
        return run(
            "simulate",
            "contaminants",
            "-o",
            "out",
            "-n",
            n,
            "--seed",
            seed,
            "--recipe",
            recipe,
            *size,
            *options,
        )

    return contaminants


def assert_same(first, second):
    one, other = read_truth_frame(first), read_truth_frame(second)
    np.testing.assert_array_equal(one.pixels, other.pixels)
    np.testing.assert_array_equal(one.bits, other.bits)
    # The checksum is also that of the date in its own comment
    assert dict(fits.getheader(first)) | {"CHECKSUM": ""} == dict(fits.getheader(second)) | {"CHECKSUM": ""}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class TestOneFrame:
    def test_the_frame_comes_with_its_truth(self, run, tmp_path):
        assert run("simulate", "frame", "-o", "n/a.fits", *FRAME_SIZE, "--seed", 3) == (
            0,
            "frame: n/a.fits\n",
            "",
        )
        with fits.open("n/a.fits", checksum=True) as hdus:
            frame, truth = hdus
            assert frame.data.shape == truth.data.shape == (64, 96)
            assert truth.name == "TRUTH"
            schema = MaskSchema.from_header(truth.header)
            assert {plane.name for plane in schema.planes} >= {c.name for c in CLASSES if c.code}
            for name in ("CR", "DCL", "HP", "OV", "BBG"):
                assert (truth.data & find_class(name).code).any(), name
        assert not leftovers(tmp_path)

    def test_the_seed_makes_the_frame(self, run, recipe):
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            options = ("--seed", seed, "--recipe", recipe)
            assert run("simulate", "frame", "-o", f"{name}.fits", *FRAME_SIZE, *options).code == 0
        first, again, other = (fits.getdata(f"{name}.fits") for name in "abc")
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()

    def test_the_truth_is_not_taken_for_a_frame(self, run, pixel_model, recipe):
        run("simulate", "frame", "-o", "a.fits", *FRAME_SIZE, "--recipe", recipe)
        result = run("mask", "a.fits", "--model", pixel_model)
        assert result.code == 0
        frames = [line for line in result.out.splitlines()[1:] if line.startswith("  [")]
        assert [line.split()[0] for line in frames] == ["[0]"]
        assert "left out: [1] TRUTH" in result.out

    def test_an_earlier_frame_is_kept_unless_told_otherwise(self, run, tmp_path, recipe):
        (tmp_path / "a.fits").write_bytes(b"precious")
        options = ("-o", "a.fits", *FRAME_SIZE, "--recipe", recipe)
        line = failure(run("simulate", "frame", *options))
        assert line == "a.fits exists; use --overwrite or another --output"
        assert (tmp_path / "a.fits").read_bytes() == b"precious"
        assert run("simulate", "frame", *options, "--overwrite").code == 0
        assert fits.getdata("a.fits").shape == (64, 96)

    @pytest.mark.parametrize("output", [".", "file/a.fits"])
    def test_an_output_that_cannot_be_is_one_line(self, run, tmp_path, output, recipe):
        (tmp_path / "file").touch()
        line = failure(run("simulate", "frame", "-o", output, *FRAME_SIZE, "--recipe", recipe))
        assert line.startswith(f"cannot write {output}: ")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["-o", "a.fits", "--width", "63"], "Invalid value for '--width'"),
            (["-o", "a.fits", "--seed", "-1"], "Invalid value for '--seed'"),
            ([], "Missing option '-o' / '--output'"),
        ],
    )
    def test_wrong_options_are_one_clear_message(self, run, options, message):
        result = run("simulate", "frame", *options)
        assert (result.code, result.out) == (2, "")
        assert message in result.err


class TestContaminants:
    def test_frames_lie_beside_their_table_and_recipe(self, contaminants, tmp_path):
        result = contaminants("--preview")
        assert (result.code, result.err) == (0, "")
        assert len(result.out.splitlines()) == 3
        out = tmp_path / "out"
        assert names(out) == [
            "frame_00000.fits",
            "frame_00001.fits",
            "frames.ecsv",
            "preview.png",
            "recipe.yaml",
        ]
        assert read_recipe(out / "recipe.yaml") == PLAIN
        assert "--seed 3 --size 64x96" in (out / "recipe.yaml").read_text(encoding="utf-8")
        table = QTable.read(out / "frames.ecsv")
        assert list(table["file"]) == ["frame_00000.fits", "frame_00001.fits"]
        assert list(table["seed"]) == [3_000_000, 3_000_001]
        assert table["psf_fwhm"].unit == "pix"
        assert table["gain"][0].value == 2
        for row in table:
            bits = read_truth_frame(out / row["file"]).bits
            for name in ("CR", "SAT", "BBG"):
                part = ((bits & find_class(name).code) != 0).mean()
                assert float(row[name]) == pytest.approx(part), name
        with Image.open(out / "preview.png") as picture:
            assert picture.width > 700

    def test_a_frame_is_what_its_seed_and_recipe_make_of_it(self, contaminants, tmp_path):
        contaminants()
        frame = read_truth_frame(tmp_path / "out" / "frame_00001.fits")
        again = simulate_frame((64, 96), seed=3_000_001, recipe=PLAIN)
        np.testing.assert_array_equal(frame.pixels, again.pixels)
        for name, marked in again.truth.items():
            np.testing.assert_array_equal((frame.bits & find_class(name).code) != 0, marked)
        assert frame.facts.gain == 2

    def test_raw_frames_are_stored_in_16_bits(self, contaminants, tmp_path):
        contaminants()
        header = fits.getheader(tmp_path / "out" / "frame_00000.fits")
        assert header["BITPIX"] == 16
        assert header["SIMSEED"] == 3_000_000
        assert is_intact(tmp_path / "out" / "frame_00000.fits")

    def test_several_processes_make_the_same_frames(self, contaminants, tmp_path):
        contaminants()
        (tmp_path / "out").rename(tmp_path / "alone")
        assert contaminants("-j", 2).code == 0
        for name in ("frame_00000.fits", "frame_00001.fits"):
            assert_same(tmp_path / "out" / name, tmp_path / "alone" / name)

    def test_intact_frames_are_kept_and_others_made(self, contaminants, tmp_path):
        contaminants()
        first, second = (tmp_path / "out" / f"frame_0000{k}.fits" for k in (0, 1))
        before = first.stat().st_mtime_ns
        whole = Path(shutil.copy(second, tmp_path))
        second.write_bytes(second.read_bytes()[:-2880])
        result = contaminants(n=3)
        assert result.code == 0
        assert [line.endswith("(kept)") for line in result.out.splitlines()] == [True, False, False]
        assert first.stat().st_mtime_ns == before
        assert_same(second, whole)
        assert len(QTable.read(tmp_path / "out" / "frames.ecsv")) == 3
        assert contaminants("--overwrite", n=3).code == 0
        assert first.stat().st_mtime_ns > before

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (
                {"seed": 4},
                "out/frame_00000.fits is another frame: SIMSEED is 3000000, not 4000000; use --overwrite",
            ),
            ({"size": ("--size", 64)}, "is another frame: NAXIS1 is 96, not 64"),
            ({"n": 1}, "out holds more than 1 frames, as frame_00001.fits; give -n 2 or more"),
        ],
    )
    def test_another_series_is_not_mixed_with_one_that_is_there(self, contaminants, options, message):
        contaminants()
        assert message in contaminants(**options).err

    def test_another_recipe_is_not_either(self, contaminants, recipe):
        contaminants()
        recipe.write_text(recipe.read_text(encoding="utf-8").replace("500.0", "600.0"), encoding="utf-8")
        assert failure(contaminants()).startswith("out/recipe.yaml is another recipe: use --overwrite")
        assert contaminants("--overwrite", "-q") == (0, "", "")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["-n", 0], "-n 0: expected a number of frames from 1 to 1000000"),
            (["--size", 63], "frames of 63x63 px are too small: give 64 px or more a side"),
            (["--size", "64x"], "--size '64x': expected a side in pixels, or height x width"),
            (["--recipe", "nowhere"], "nowhere: no such recipe"),
            (["--recipe", "bad.yaml"], "bad.yaml: unknown setting camera; choose from name, description"),
            (["--clean-frames", "empty"], "empty: the directory holds no FITS files"),
            (["--clean-frames", "empty", "--size", 64], "--size does not go with --clean-frames"),
            (["-o", "bad.yaml"], "cannot write bad.yaml/recipe.yaml: "),
        ],
    )
    def test_what_cannot_be_is_one_clear_line(self, run, tmp_path, options, message):
        (tmp_path / "bad.yaml").write_text("camera: {}")
        (tmp_path / "empty").mkdir()
        assert message in failure(run("simulate", "contaminants", "-o", "out", *options))
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("missing", ["galsim", "yaml"])
    def test_a_missing_extra_is_named(self, run, monkeypatch, missing):
        monkeypatch.setitem(sys.modules, missing, None)
        line = failure(run("simulate", "contaminants", "-o", "out"))
        assert line == f"simulation needs {missing}; run: {install_command('simulate')}"

    def test_a_full_disk_ends_the_run_and_loses_nothing(self, contaminants, monkeypatch, tmp_path):
        from skysieve.core.errors import OutputError
        from skysieve.core.execution import simulation_job as simulation
        from skysieve.core.fits.fits_out import write_fits

        def full(hdus, path, *, overwrite):
            if path.name == "frame_00001.fits":
                raise OutputError(f"cannot write {path}: No space left on device")
            write_fits(hdus, path, overwrite=overwrite)

        monkeypatch.setattr(simulation, "write_fits", full)
        result = contaminants(n=8)
        assert result.code == 1
        assert "cannot write out/frame_00001.fits: No space left on device" in result.err
        assert (tmp_path / "out" / "frame_00000.fits").exists()
        assert not (tmp_path / "out" / "frame_00007.fits").exists()
        assert list(QTable.read(tmp_path / "out" / "frames.ecsv")["file"]) == ["frame_00000.fits"]
        assert not leftovers(tmp_path)

    @pytest.mark.slow
    def test_an_interrupted_run_goes_on_where_it_stopped(self, recipe, tmp_path):
        command = [
            sys.executable,
            "-m",
            "skysieve",
            "simulate",
            "contaminants",
            "-o",
            "out",
            "-n",
            "200",
            "-q",
        ]
        command += ["--recipe", str(recipe), "--size", "128"]
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        while not (tmp_path / "out" / "frame_00003.fits").exists():
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, messages = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "interrupted; finished files are kept" in messages
        frames = sorted((tmp_path / "out").glob("frame_*.fits"))
        assert 4 <= len(frames) < 200
        assert all(is_intact(path) for path in frames)
        assert not leftovers(tmp_path)
        done = QTable.read(tmp_path / "out" / "frames.ecsv")
        assert {path.name for path in frames} >= set(done["file"])
        assert len(done) >= 1


class TestInjection:
    @pytest.fixture(autouse=True)
    def frames(self, tmp_path):
        rng = np.random.default_rng(8)
        pixels = rng.normal(500, 5, (2, 80, 100)).astype(np.float32)
        pixels[0, 40:43, 50:53] += 200  # a star that was there before
        pixels[1, 10, 20] = np.nan
        header = fits.Header(
            {"GAIN": 1.5, "RDNOISE": 3.0, "SATURATE": 4e4, "CRVAL1": 12.5, "CTYPE1": "RA---TAN"}
        )
        write(tmp_path / "night" / "b.fits", fits.ImageHDU(pixels[1], header, name="SCI"))
        fits.PrimaryHDU(pixels[0], header).writeto(tmp_path / "night" / "a.fits")
        return pixels

    def test_contaminants_come_into_each_frame_in_turn(self, contaminants, tmp_path, frames):
        assert contaminants("--clean-frames", "night", "--preview", n=3, size=()).code == 0
        found = [read_truth_frame(tmp_path / "out" / f"frame_0000{k}.fits") for k in range(3)]
        for frame, before in zip(found, frames[[0, 1, 0]], strict=True):
            assert frame.pixels.shape == before.shape
            assert frame.before is not None
            np.testing.assert_array_equal(frame.before, before)
            nothing = (frame.bits == 0) & frame.valid
            assert np.median(np.abs(frame.pixels - before)[nothing]) < 1
            assert frame.facts.gain == 1.5
        assert not np.array_equal(found[0].bits, found[2].bits)
        table = QTable.read(tmp_path / "out" / "frames.ecsv")
        assert list(table["source"]) == ["a.fits[0]", "b.fits[SCI,1]", "a.fits[0]"]
        assert list(table["kind"]) == ["injected"] * 3

    def test_what_is_not_known_is_said(self, contaminants, tmp_path):
        contaminants("--clean-frames", "night", size=())
        star, gap = (read_truth_frame(tmp_path / "out" / f"frame_0000{k}.fits") for k in (0, 1))
        assert star.ignored is not None
        known = star.bits[41, 51] & find_class("BBG").code
        assert known or star.ignored[41, 51] & find_class("BBG").code
        assert not (star.ignored & star.bits).any()
        assert not (star.ignored & find_class("CR").code).any()
        assert not gap.valid[10, 20]

    def test_the_sky_is_still_known_and_the_frame_alone_is_masked(
        self, run, contaminants, tmp_path, pixel_model
    ):
        contaminants("--clean-frames", "night", n=1, size=())
        assert fits.getheader(tmp_path / "out" / "frame_00000.fits")["CRVAL1"] == 12.5
        result = run("mask", "out/frame_00000.fits", "--model", pixel_model)
        frames = [line for line in result.out.splitlines() if line.startswith("  [")]
        assert len(frames) == 1

    def test_frames_of_other_sources_are_not_taken_for_these(self, contaminants, tmp_path):
        contaminants("--clean-frames", "night", n=1, size=())
        (tmp_path / "night" / "a.fits").unlink()
        result = contaminants("--clean-frames", "night", n=1, size=())
        assert "is another frame: SIMSRC is a.fits[0], not b.fits[SCI,1]" in result.err

    def test_files_that_cannot_be_read_are_left_out_with_a_warning(self, contaminants, tmp_path):
        (tmp_path / "night" / "a.fits").write_bytes(b"no FITS")
        result = contaminants("--clean-frames", "night", n=1, size=())
        assert result.code == 0
        assert "a.fits" in result.err
        assert result.err.count("left out") == 1


class TestTracking:
    def test_frames_know_whether_they_have_a_tracking_error(self, run, recipe, tmp_path):
        starry = replace(PLAIN, stars=replace(PLAIN.stars, density=(2e4, 2e4)))
        recipe.write_text(starry.to_yaml(), encoding="utf-8")
        options = ("-n", 6, "--seed", 2, "--recipe", recipe, "--size", 128, "--preview")
        assert run("simulate", "tracking", "-o", "out", *options).code == 0
        out = tmp_path / "out"
        table = QTable.read(out / "frames.ecsv")
        assert len(table) == 6
        assert set(table["slip"]) == {True, False}
        assert (table["stars"] >= 8).all()
        for row in table:
            assert read_labelled_frame(out / row["file"]).tracking_error == row["slip"]
            assert (row["slip_kind"] != "good") == row["slip"]
            assert (row["slip_extent"] > 0.2) == row["slip"]
        assert (out / "preview.png").exists()
        assert read_recipe(out / "recipe.yaml") == starry
        again = run("simulate", "tracking", "-o", "out", *options)
        assert [line.endswith("(kept)") for line in again.out.splitlines()[:6]] == [True] * 6

    def test_frames_with_contaminants_are_not_taken_for_these(self, run, contaminants, recipe):
        contaminants(n=1)
        result = run("simulate", "tracking", "-o", "out", "-n", 1, "--seed", 3, "--recipe", recipe, *SIZE)
        assert "is another frame" in result.err

    def test_a_recipe_without_stars_is_one_clear_line(self, run, recipe):
        text = recipe.read_text(encoding="utf-8")
        recipe.write_text(text.replace("density: [500.0, 500.0]", "density: [0.1, 0.1]"), encoding="utf-8")
        line = failure(run("simulate", "tracking", "-o", "out", "-n", 1, "--recipe", recipe, "--size", 64))
        assert "has 6 stars that stand out, and whose form tells what happened; raise stars.density" in line


class TestGhosts:
    """``skysieve simulate ghosts``: focal planes of DECam."""

    @pytest.fixture
    def planes(self, run):
        def planes(*options, n=4):
            return run("simulate", "ghosts", "-o", "out", "-n", n, "--seed", 3, *options)

        return planes

    def test_pictures_lie_beside_what_is_known_of_them(self, planes, tmp_path):
        result = planes("--preview")
        assert result.code == 0, result.err
        annotations = read_annotations(tmp_path / "out" / "annotations.json")
        table = QTable.read(tmp_path / "out" / "frames.ecsv")
        assert list(table["file"]) == [f"frame_{number:05d}.fits" for number in range(4)]
        assert list(table["ghosts"]) == [len(image.ghosts) for image in annotations.images]
        assert set(table["ghosts"] > 0) == {True, False}
        for image in annotations.images:
            with fits.open(tmp_path / "out" / image.name, checksum=True) as hdus:
                assert (hdus[0].data.dtype, hdus[0].shape) == (np.uint8, (400, 400))
                for place, name in enumerate(CLASS_NAMES):
                    np.testing.assert_array_equal((hdus["TRUTH"].data >> place) & 1, image.mask(name))
                assert [row["class"] for row in hdus["GHOSTS"].data] == [g.class_name for g in image.ghosts]
        with Image.open(tmp_path / "out" / "preview.png") as sheet:
            assert sheet.width > 1000

    def test_the_same_series_goes_on(self, planes, tmp_path):
        assert planes(n=2).code == 0
        first = (tmp_path / "out" / "frame_00001.fits").read_bytes()
        known = read_annotations(tmp_path / "out" / "annotations.json").images
        result = planes(n=3)
        assert result.out.count("(kept)") == 2
        assert (tmp_path / "out" / "frame_00001.fits").read_bytes() == first
        assert read_annotations(tmp_path / "out" / "annotations.json").images[:2] == known

    def test_another_series_is_not_mixed_in(self, planes, run, tmp_path):
        assert planes(n=1).code == 0
        result = run("simulate", "ghosts", "-o", "out", "-n", 1, "--seed", 4)
        assert "is another picture: SIMSEED is 3000000, not 4000000" in failure(result)
        (tmp_path / "mine.yaml").write_text("name: mine\nghosted: 1.0\n")
        result = planes("--recipe", "mine.yaml", n=1)
        assert "recipe.yaml is another recipe" in failure(result)

    @pytest.fixture
    def other_camera(self, tmp_path):
        """Return the options of a camera of four CCDs with DECam's lenses and a plain pupil."""
        rows = [f"{n + 1} C{n} {n * 64} 0 {10 + 190 * (n % 2)} {10 + 190 * (n // 2)} 0 0" for n in range(4)]
        head = (
            "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: number, datatype: int32}\n"
            "# - {name: name, datatype: string}\n"
            + "".join(
                f"# - {{name: {name}, datatype: int32}}\n"
                for name in ("det_x", "det_y", "picture_x", "picture_y", "dead_from", "dead_to")
            )
            + "# meta: !!omap\n# - camera: FourCam\n# - instrument: fourcam\n# - ccd_shape: [64, 64]\n"
            "# - cell_shape: [188, 188]\n# - picture_shape: [400, 400]\n# - right: +x\n# - down: -y\n"
            "# - mm_per_pixel: 0.5\n# schema: astropy-2.0\n"
            "number name det_x det_y picture_x picture_y dead_from dead_to\n"
        )
        (tmp_path / "four.ecsv").write_text(head + "\n".join(rows) + "\n")
        entrance = Entrance(2.0, 0.0, ((0.0, 1.0),))
        table = replace(decam_paths(), entrance=entrance, mm_per_degree=100.0)
        table.write(tmp_path / "four.npz")
        assert PathTable.read(tmp_path / "four.npz").entrance == entrance
        (tmp_path / "four.yaml").write_text(
            "name: four\nghosted: 1.0\nkinds: [0, 1, 0]\nplane: {blank: {}, half_blank: {}}\n"
            "reflections: {inner: [0.3, 0.5], outside: 0.0, second: 0.0}\n"
        )
        return "--camera", "four.ecsv", "--optics", "four.npz", "--recipe", "four.yaml"

    def test_another_camera_is_two_tables(self, planes, other_camera, tmp_path):
        result = planes(*other_camera, n=2)
        assert result.code == 0, result.err
        for number in range(2):
            with fits.open(tmp_path / "out" / f"frame_{number:05d}.fits") as hdus:
                assert hdus[0].header["CAMERA"] == "FourCam"
                # the gap between the CCDs, and the light on them
                assert np.median(hdus[0].data[:, 198:200]) == 23
                assert np.median(hdus[0].data[20:190, 20:190]) > 30
                assert len(hdus["GHOSTS"].data) > 0
        recipe = (tmp_path / "out" / "recipe.yaml").read_text()
        assert "camera: four.ecsv" in recipe
        again = planes(*other_camera, n=2)
        assert again.out.count("(kept)") == 2

    def test_a_camera_without_its_ghosts_is_refused(self, planes, other_camera):
        assert "give both --camera and --optics" in failure(planes(*other_camera[:2]))
        assert "four.yaml" in failure(planes("--camera", "four.ecsv", "--optics", "four.yaml"))

    def test_a_recipe_of_another_kind_is_refused(self, planes, tmp_path):
        (tmp_path / "mine.yaml").write_text("optics: {}\n")
        assert "mine.yaml" in failure(planes("--recipe", "mine.yaml"))
