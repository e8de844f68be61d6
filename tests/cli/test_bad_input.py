"""Bad input: each is one line that says what is wrong, where, and what to do; the others are done."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import resource
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from tests.cli.command import SHAPE, failure, leftovers, sky, write

VERBS = ("mask", "track")


@pytest.fixture(params=VERBS)
def verb(request, run, pixel_model, mean_model):
    """Run either verb with its tiny model."""
    model = {"mask": pixel_model, "track": mean_model}[request.param]

    def verb(*arguments):
        return run(request.param, *arguments, "--model", model)

    return verb


@pytest.fixture
def mask(run, pixel_model):
    def mask(*arguments):
        return run("mask", *arguments, "--model", pixel_model)

    return mask


def plain(path):
    return write(path, sky()).read_bytes()


def with_axis(path, length):
    """Write a header that promises another first axis than the one of the data."""
    content = plain(path)
    before, after = (f"NAXIS1  = {axis:>20}".encode() for axis in (SHAPE[1], length))
    return content[:2880].replace(before, after) + (content[2880:] if length else b"")


def with_wrong_sum(path):
    fits.PrimaryHDU(sky()).writeto(path, checksum=True, overwrite=True)
    content = bytearray(path.read_bytes())
    content[5000] ^= 255
    return bytes(content)


def image(data):
    def make(path):
        return write(path, data).read_bytes()

    return make


def complex_pixels(path):
    """FITS has no complex images, but a table may be all that there is."""
    table = fits.BinTableHDU(np.ones(9, [("z", "c8")]))
    return write(path, table).read_bytes()


FILES = {
    "empty.fits": (lambda _: b"", "is empty (0 bytes); fetch the file again"),
    "text.fits": (lambda _: b"What is a frame?\n" * 300, "is not a FITS file; give a FITS file"),
    "header.fits": (lambda path: plain(path)[:1000], "the header of HDU 0 is truncated or damaged"),
    "truncated.fits": (lambda path: plain(path)[:20_000], "is truncated, 26080 bytes of HDU 0 are missing"),
    "half.fits.gz": (lambda path: gzip.compress(plain(path))[:9000], "is damaged, and cannot be unpacked"),
    "half.fits.bz2": (lambda path: bz2.compress(plain(path))[:9000], "is damaged, and cannot be unpacked"),
    "sum.fits": (with_wrong_sum, "HDU 0 fails its DATASUM: the file is corrupt; fetch the file again"),
    "nan.fits": (
        image(np.full(SHAPE, np.nan, "f4")),
        "no valid pixels (all NaN, BLANK, masked or of one value)",
    ),
    "constant.fits": (image(np.full(SHAPE, 7, "f4")), "has no noise"),
    "zeros.fits": (image(np.zeros(SHAPE, "i2")), "has no noise"),
    "line.fits": (
        image(np.zeros(900, "f4")),
        "has no frame: 0 PRIMARY (1-D); a frame is an image of 32 x 32",
    ),
    "deep.fits": (image(np.zeros((1, 1, 1, 64, 64), "f4")), "has no frame: 0 PRIMARY (5-D)"),
    "nothing.fits": (lambda path: with_axis(path, 0), "has no frame: 0 PRIMARY (no data)"),
    "small.fits": (image(np.zeros((40, 31), "f4")), "0 PRIMARY (31 x 40, smaller than 32 pixels)"),
    "complex.fits": (complex_pixels, "has no frame: 0 PRIMARY (no data), 1 (table)"),
    "wide.fits": (lambda path: with_axis(path, 99_999), "is truncated, "),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_one_line_and_the_next_is_done(verb, tmp_path, name):
    make, message = FILES[name]
    folder = tmp_path / "n"
    folder.mkdir()
    (folder / name).write_bytes(make(tmp_path / "scratch.fits"))
    write(folder / "~good.fits", sky())
    result = verb(f"n/{name}", "n/~good.fits")
    assert result.code == 1
    first, summary, again = result.err.splitlines()
    line = first.removeprefix("skysieve: error: ")
    assert line.startswith(f"n/{name}")
    assert message in line
    assert (summary, again.strip()) == ("skysieve: 1 failed, 1 done; failed:", line)
    assert result.out.startswith("n/~good.fits ")
    assert not list(folder.glob(f"{name.partition('.')[0]}.mask*"))
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_in_a_folder_is_one_line_unless_it_is_sound_and_no_frame(verb, tmp_path, name):
    make, message = FILES[name]
    folder = tmp_path / "n"
    folder.mkdir()
    (folder / name).write_bytes(make(tmp_path / "scratch.fits"))
    write(folder / "~good.fits", sky())
    result = verb("n")
    assert result.out.startswith("n/~good.fits ")
    if "0 PRIMARY" in message:
        assert result.code == 0
        assert result.err == ""
        assert result.out.endswith("skipped 1 file that holds no frame\n")
    else:
        assert result.code == 1
        assert len(result.err.splitlines()) == 3


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing.fits", "missing.fits: no such file or directory; check the name"),
        ("*.fitz", "*.fitz: no such file, and no match as a glob"),
        ("missing.list", "missing.list: no such list; check the name"),
        ("@missing", "missing: no such list"),
        ("empty", "empty: the directory holds no FITS files"),
        ("blank.list", "blank.list: the list is empty; write one file name a line"),
        ("good.fits[4]", "good.fits[4]: no such HDU; the file has 0 PRIMARY (120 x 90)"),
        ("good.fits[SCI]", "good.fits[SCI]: no such HDU; the file has"),
        ("good.fits[]", "[] names no HDU; write [n] counted from 0, [NAME] or [NAME,version]"),
        ("", "an empty file name: name a FITS file"),
    ],
)
def test_a_path_to_nothing_is_one_line(verb, tmp_path, path, message):
    write(tmp_path / "good.fits", sky())
    (tmp_path / "empty").mkdir()
    (tmp_path / "blank.list").write_text("# none\n\n")
    assert message in failure(verb(path))


def test_a_folder_that_does_not_exist_is_named_once(verb):
    assert failure(verb("missing/")) == "missing: no such file or directory; check the name"


def test_a_list_from_standard_input_is_done(verb, tmp_path, monkeypatch):
    write(tmp_path / "good.fits", sky())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"good.fits\n")))
    result = verb("-")
    assert result.code == 0
    assert result.out.startswith("good.fits ")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_one_line_and_is_not_waited_for(verb, tmp_path):
    for name in ("a.fits", "night.list"):
        os.mkfifo(tmp_path / name)
        assert f"{name}: is no regular file" in failure(verb(name))


def test_a_list_with_missing_files_does_the_others(verb, tmp_path):
    write(tmp_path / "good.fits", sky())
    (tmp_path / "x.list").write_text("missing.fits\ngood.fits\nother/missing.fits[2]\n")
    result = verb("x.list")
    assert result.code == 1
    assert "2 failed, 1 done; failed:\n  missing.fits: no such file" in result.err
    assert "\n  other/missing.fits[2]: other/missing.fits: no such file" in result.err
    assert result.out.startswith("good.fits ")


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_dead_detector_does_not_cost_the_others_their_masks(mask, tmp_path, jobs):
    write(tmp_path / "a.fits", ("N1", sky()), ("N2", np.zeros(SHAPE, "f4")))
    write(tmp_path / "b.fits", sky())
    result = mask("a.fits", "b.fits", "-j", jobs)
    assert result.code == 0
    assert result.err.startswith("skysieve: WARNING: a.fits[N2,1]: has no noise")
    assert (fits.getdata("a.mask.fits", "N2") == 8192).all()
    assert not (fits.getdata("a.mask.fits", "N1") & 8192).any()


class TestOutput:
    @pytest.mark.parametrize(
        ("output", "message"),
        [
            ("file/a.fits", "cannot write file/a.fits: a part of its path is a file, not a folder"),
            ("{stem}/{nmae}", "malformed (KeyError('nmae')); it may name {dir}, {stem}, {name}, {hdu}"),
            ("{stem", "output template '{stem' is malformed"),
            ("{0}", "output template '{0}' is malformed"),
            ("", "the output is empty; give a folder, or a template of a path"),
            pytest.param(
                "/proc/a.fits",
                "cannot write /proc/a.fits: ",
                marks=pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc"),
            ),
        ],
    )
    def test_that_cannot_be_is_one_line(self, mask, tmp_path, output, message):
        write(tmp_path / "a.fits", sky())
        (tmp_path / "file").touch()
        assert message in failure(mask("a.fits", "-o", output))

    @pytest.mark.parametrize("options", [["--format", "probabilities"], ["--preview"], ["--table", "t.ecsv"]])
    def test_on_a_full_disk_is_one_line_and_leaves_nothing(self, mask, tmp_path, options):
        """A limit on the size of files stands for the disk: it stops a write in the middle all the same."""
        write(tmp_path / "a.fits", sky(shape=(200, 300)))
        size = {"--format": 200, "--preview": 24, "--table": 1}[options[0]]
        before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * size, most))
        try:
            result = mask("a.fits", *options)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
        assert "cannot write " in failure(result)
        assert not leftovers(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["a.fits"]


class TestOptions:
    @pytest.fixture(autouse=True)
    def frame(self, tmp_path):
        write(tmp_path / "a.fits", sky())

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--prior", "CR=2"], "prior of CR: 2.0 is not between 0 and 1"),
            (["--prior", "CR=nan"], "prior of CR: nan is not between 0 and 1"),
            (["--prior", "XX=.1"], "unknown class 'XX'; the classes are CR, HCL"),
            (["--prior", "CR"], "--prior 'CR': expected NAME=VALUE with a number, as CR=5e-4"),
            (["--prior", "CR=few"], "--prior 'CR=few': expected NAME=VALUE"),
            (["--prior", "CR=.1", "--priors", "auto"], "--prior does not go with --priors auto"),
            (["--threshold", "TRL=1.5"], "threshold of TRL: 1.5 is not between 0 and 1"),
            (["--classes", ""], "no class is selected; choose from CR, HCL"),
            (["--classes", " , "], "no class is selected; choose from CR, HCL"),
            (["--classes", "CR,XX"], "unknown class 'XX'"),
            (["--views", "3"], "3 views: choose from 1, 2, 4, 8"),
            (["--device", "abacus"], "unknown device 'abacus'; choose cpu, cuda or cuda:N"),
            (["--mask-hdu", "7"], "a.fits, mask 7: no such HDU"),
            (
                ["--bits", "nowhere"],
                "bit map 'nowhere': neither a survey (des, ",
            ),
            (["--bits", "des", "--format", "cube"], "a bit map does not go with --format cube"),
            (["--config-dir", "nowhere"], "nowhere: no such configuration folder"),
        ],
    )
    def test_with_wrong_values_are_one_line(self, mask, tmp_path, options, message):
        assert message in failure(mask("a.fits", *options))
        assert not (tmp_path / "a.mask.fits").exists()

    @pytest.mark.parametrize("model", ["minimask", "here"])
    def test_a_model_that_is_none_is_one_line(self, run, tmp_path, model):
        (tmp_path / "here").mkdir()
        assert failure(run("mask", "a.fits", "--model", model)).startswith(
            {
                "minimask": "no model 'minimask' for contaminants; see: skysieve models list",
                "here": "here: not a",
            }[model]
        )

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("kind = 'bits'", 'needs kind = "bits" or "codes" and a table [values]'),
            ("kind = 'flags'\n[values]\nCR = 1", "needs kind"),
            ("kind = 'bits'\nvalues = 3", "needs kind"),
            ("kind 'bits'", "not valid TOML"),
            ("kind = 'bits'\n[values]\nCR = -1", "CR = -1, expected a positive integer"),
            ("kind = 'bits'\n[values]\nCR = 'a'", "CR = 'a', expected a positive integer"),
            ("kind = 'bits'\n[values]\nXX = 1", "unknown class 'XX'"),
            ("kind = 'bits'\n[values]\nBG = 1", "BG is every other pixel, and has no value"),
            ("kind = 'bits'\n[values]\nSTL = 1\nTRL = 2", "TRL is given twice"),
        ],
    )
    def test_a_malformed_bit_map_is_one_line_that_names_it(self, mask, tmp_path, content, message):
        (tmp_path / "map.toml").write_text(content)
        line = failure(mask("a.fits", "--bits", "map.toml"))
        assert line.startswith("bit map 'map.toml': ")
        assert message in line

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda rows: rows[:13], "has 13 rows; it needs one for each of the 14 classes"),
            (lambda rows: ["CR many", *rows[1:]], "row 1: CR is 'many', expected"),
            (lambda rows: ["XX 0.5", *rows[1:]], "row 1: unknown class 'XX'"),
            (lambda rows: [rows[1], rows[0], *rows[2:]], "row 1: found HCL, expected CR; keep the order"),
            (lambda rows: [*rows[:3], "HP", *rows[4:]], "row 4: expected 'NAME value', found 'HP'"),
            (lambda rows: [*rows[:3], "HP 2", *rows[4:]], "row 4: HP is '2', expected"),
        ],
    )
    @pytest.mark.parametrize("ending", ["flags", "priors", "thresh"])
    def test_a_malformed_configuration_file_is_one_line_that_names_it(
        self, mask, tmp_path, ending, change, message
    ):
        names = ("CR", "HCL", "DCL", "HP", "DP", "P", "TRL", "FR", "NEB", "SAT", "SP", "OV", "BBG", "BG")
        (tmp_path / "config").mkdir()
        rows = [f"{name} {1 if ending == 'flags' else 0.5}" for name in names]
        (tmp_path / f"config/classes.{ending}").write_text("\n".join(change(rows)))
        line = failure(mask("a.fits", "--config-dir", "config"))
        assert line.startswith(f"config/classes.{ending}")
        assert message in line

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["mask", "a.fits", "--nosuch"], "No such option: --nosuch"),
            (["mask"], "Missing argument 'PATH"),
            (["mask", "a.fits", "-j", "0"], "Invalid value for '-j' / '--jobs'"),
            (["mask", "a.fits", "--format", "jpeg"], "Invalid value for '--format'"),
            (["track", "a.fits", "--seed", "-1"], "Invalid value for '--seed'"),
            (["maximask"], "Missing argument 'im_path'"),
            (["maximask", "a.fits", "--batch_size", "none"], "Invalid value for '--batch_size'"),
            (["msak", "a.fits"], "No such command 'msak'"),
        ],
    )
    def test_misspelt_are_one_clear_message(self, run, arguments, message):
        result = run(*arguments)
        assert (result.code, result.out) == (2, "")
        assert result.err.lower().count(message.lower()) == 1  # releases of typer write arguments differently
        assert "Traceback" not in result.err
        assert "Try 'skysieve" in result.err


class TestUnexpected:
    """Errors that nobody foresaw: one line too, unless their place is asked for."""

    @pytest.fixture(autouse=True)
    def defect(self, monkeypatch, tmp_path):
        write(tmp_path / "a.fits", sky())
        monkeypatch.setattr("skysieve.frames.mask.job.keep_structure", _fail)

    def test_are_one_line(self, mask):
        assert failure(mask("a.fits")) == (
            "a.fits: unexpected ZeroDivisionError: no words for this (use --debug to see where)"
        )

    def test_are_no_defects_where_memory_ends(self, mask, monkeypatch):
        def full(*_, **__):
            raise MemoryError("Unable to allocate 3.64 TiB")

        monkeypatch.setattr("skysieve.frames.mask.job.keep_structure", full)
        assert failure(mask("a.fits")) == (
            "a.fits: there is not enough memory for it (Unable to allocate 3.64 TiB); "
            "use fewer --jobs, or a machine with more"
        )

    def test_say_where_with_debug(self, mask):
        with pytest.raises(ZeroDivisionError):
            mask("a.fits", "--debug")


def test_debug_shows_where_a_foreseen_error_comes_from(verb):
    from skysieve.core.errors import SourceError

    with pytest.raises(SourceError):
        verb("missing.fits", "--debug")


def _fail(*_, **__):
    raise ZeroDivisionError("no words\nfor this")
