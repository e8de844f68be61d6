"""``skysieve report`` and ``skysieve view``: what the pages hold, and bad input."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image
from tests.cli.command import failure, sky, write
from tests.cli.night import passed, write_exposure, write_night

pytest.importorskip("jinja2", reason="the extra report is not installed")


@pytest.fixture
def night(run, pixel_model, tmp_path):
    """A masked night in night/ and night/masks/."""
    write_night(tmp_path, run, pixel_model)
    return tmp_path / "night"


@pytest.fixture
def masked(run, pixel_model, tmp_path):
    """A frame and its mask."""
    write(tmp_path / "a.fits", sky())
    assert run("mask", "a.fits", "--model", pixel_model, "--priors", "none").code == 0


def rows_of(folder):
    return passed(folder / "report-data.js")["frames"]


def by_name(folder):
    return {(row["file"].rpartition("/")[2], row["name"]): row for row in rows_of(folder)}


class TestPages:
    def test_a_night_has_a_row_and_files_for_each_ccd(self, run, night, tmp_path):
        result = run("report", "night/masks/", "-o", "report/", "--title", "A night")
        assert result.code == 0, result
        assert result.out == "report of 6 frames: report/index.html\n"
        rows = by_name(tmp_path / "report")
        assert set(rows) == {(f"e{n}.fits", ccd) for n in range(3) for ccd in ("N1", "S1")}
        for row in rows.values():
            assert row["file"] == str(night / row["file"].rpartition("/")[2])
            for folder, ending in (("frames", "js"), ("pictures", "jpg"), ("thumbnails", "jpg")):
                assert (tmp_path / f"report/{folder}/{row['key']}.{ending}").is_file()
        page = (tmp_path / "report/index.html").read_text(encoding="utf-8")
        assert "<title>A night</title>" in page
        assert "http" not in page.replace("http-equiv", "")

    @pytest.mark.usefixtures("night")
    def test_what_needs_eyes_comes_first(self, run, tmp_path):
        assert run("report", "night/masks/", "-o", "report").code == 0
        first, *others = rows_of(tmp_path / "report")
        assert (first["file"].rpartition("/")[2], first["name"]) == ("e2.fits", "N1")
        assert any(reason.startswith("CR ") for reason in first["reasons"])
        assert first["attention"] > 1 > max(row["attention"] for row in others)
        assert first["bad"] == pytest.approx(
            first["fractions"]["CR"] + first["fractions"].get("SAT", 0), abs=1e-3
        )

    @pytest.mark.usefixtures("night")
    def test_frames_of_an_exposure_share_its_name_and_have_corners(self, run, tmp_path):
        assert run("report", "night/masks/", "-o", "report").code == 0
        rows = by_name(tmp_path / "report")
        assert rows["e0.fits", "N1"]["exposure"] == rows["e0.fits", "S1"]["exposure"]
        assert rows["e0.fits", "N1"]["exposure"] != rows["e1.fits", "N1"]["exposure"]
        (_, low), (_, high) = rows["e0.fits", "N1"]["corners"][1:3]
        assert high - low == pytest.approx(90 * 7e-5, rel=0.01)

    @pytest.mark.usefixtures("masked")
    def test_the_file_of_a_frame_has_outlines_and_the_picture(self, run, tmp_path):
        assert run("report", "a.mask.fits", "-o", "report").code == 0
        [row] = rows_of(tmp_path / "report")
        content = passed(tmp_path / f"report/frames/{row['key']}.js")
        # the pixel at row 10 and column 20 of 90 rows
        assert sorted(content["outlines"]["SAT"].split("M")[1:]) == [
            "20 79h1",
            "20 79v1",
            "20 80h1",
            "21 79v1",
        ]
        with Image.open(tmp_path / f"report/pictures/{row['key']}.jpg") as picture:
            assert picture.size == (120, 90)
            grey = np.asarray(picture.convert("L"))
        assert np.argwhere(grey == grey.max()).tolist() == [[79, 20]]

    def test_a_large_frame_is_averaged(self, run, pixel_model, tmp_path):
        write(tmp_path / "a.fits", sky(shape=(300, 700)))
        assert run("mask", "a.fits", "--model", pixel_model, "--priors", "none").code == 0
        assert run("report", "a.mask.fits", "-o", "report", "--size", "256").code == 0
        [row] = rows_of(tmp_path / "report")
        with Image.open(tmp_path / f"report/pictures/{row['key']}.jpg") as picture:
            assert picture.size == (234, 100)
        picture = passed(tmp_path / f"report/frames/{row['key']}.js")["picture"]
        assert picture == {"y": 0, "width": 702, "height": 300}

    @pytest.mark.usefixtures("night")
    def test_tracking_probabilities_are_shown(self, run, mean_model, tmp_path):
        assert run("track", "night/e0.fits", "-o", "t.ecsv", "--model", mean_model).code == 0
        assert run("report", "night/masks/", "-o", "report", "--tracking", "t.ecsv").code == 0
        rows = by_name(tmp_path / "report")
        assert 0 <= rows["e0.fits", "S1"]["tracking"] <= 1
        assert rows["e1.fits", "S1"]["tracking"] is None

    def test_names_with_markup_are_text(self, run, pixel_model, tmp_path):
        name = "<img src=x onerror=alert(1)>&'\".fits"
        write(tmp_path / name, ("</script><b>", sky()))
        assert run("mask", name, "--model", pixel_model, "--priors", "none").code == 0
        assert run("report", ".", "-o", "report", "--title", "<i>").code == 0
        [row] = rows_of(tmp_path / "report")
        assert row["file"].endswith(name)
        for path in (tmp_path / "report").rglob("*"):
            if path.suffix in (".js", ".html") and path.parent.name != "assets":
                assert not any(part in path.read_text() for part in ("<img", "<i>", "</script><b"))


class TestLostFrames:
    @pytest.mark.usefixtures("masked")
    @pytest.mark.parametrize("other", [False, True], ids=["gone", "another file"])
    def test_a_mask_without_its_frame_is_shown_with_a_line(self, run, tmp_path, other):
        (tmp_path / "a.fits").unlink()
        if other:
            write(tmp_path / "a.fits", sky(seed=3))
        result = run("report", "a.mask.fits", "-o", "report")
        assert result.code == 0
        line, summary = result.out.splitlines()
        assert line.startswith("a.mask.fits: shown without its frame: ")
        assert ("is not the file that was masked" if other else "name its folder with --frames") in line
        assert summary.startswith("report of 1 frame: ")
        [row] = rows_of(tmp_path / "report")
        assert row["note"]
        assert "SAT" in passed(tmp_path / f"report/frames/{row['key']}.js")["outlines"]

    @pytest.mark.usefixtures("masked")
    def test_frames_in_another_folder_are_found(self, run, tmp_path):
        (tmp_path / "far").mkdir()
        shutil.move("a.fits", "far/a.fits")
        assert run("report", "a.mask.fits", "-o", "report", "--frames", "far").code == 0
        assert rows_of(tmp_path / "report")[0]["file"] == str(tmp_path / "far/a.fits")


class TestBadInput:
    def test_a_folder_of_other_files_is_one_line(self, run, tmp_path):
        write(tmp_path / "other/a.fits", sky())
        write(tmp_path / "other/b.fits", ("SCI", sky().astype(np.int16)))
        line = failure(run("report", "other", "-o", "report"))
        assert line.startswith("other: none of its 2 FITS files is a mask with bit planes")

    @pytest.mark.usefixtures("masked")
    def test_other_files_beside_masks_are_counted(self, run):
        result = run("report", ".", "-o", "report")
        assert result.code == 0
        assert result.out == "report of 1 frame: report/index.html, 1 other file skipped\n"

    @pytest.mark.usefixtures("masked")
    def test_a_damaged_mask_fails_and_the_others_are_shown(self, run, tmp_path):
        content = (tmp_path / "a.mask.fits").read_bytes()
        (tmp_path / "b.mask.fits").write_bytes(b"SIMPLE  = nothing" + content[17:2000])
        result = run("report", "a.mask.fits", "b.mask.fits", "-o", "report")
        assert result.code == 1
        assert "b.mask.fits: cannot be read as a mask" in result.err
        assert "b.mask.fits: cannot be read" in (tmp_path / "report/index.html").read_text()
        assert len(rows_of(tmp_path / "report")) == 1

    @pytest.mark.usefixtures("masked")
    def test_a_folder_with_other_files_is_never_written_to(self, run, tmp_path):
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine/notes.txt").write_text("mine")
        assert failure(run("report", "a.mask.fits", "-o", "mine", "--overwrite")).startswith(
            "mine: has other files than those of a report"
        )
        assert [one.name for one in (tmp_path / "mine").iterdir()] == ["notes.txt"]

    @pytest.mark.usefixtures("night")
    def test_a_report_is_replaced_only_if_asked_and_keeps_no_old_frames(self, run, tmp_path):
        assert run("report", "night/masks/", "-o", "report").code == 0
        assert failure(run("report", "night/masks/e0.mask.fits", "-o", "report")).startswith(
            "report: has a report; use --overwrite"
        )
        assert len(rows_of(tmp_path / "report")) == 6
        assert run("report", "night/masks/e0.mask.fits", "-o", "report", "--overwrite").code == 0
        keys = {row["key"] for row in rows_of(tmp_path / "report")}
        assert len(keys) == 2
        assert {path.stem for path in (tmp_path / "report/pictures").iterdir()} == keys

    @pytest.mark.usefixtures("masked")
    @pytest.mark.parametrize(
        ("options", "line"),
        [
            (("none.fits", "-o", "report"), "none.fits: no such file"),
            (("a.mask.fits", "-o", "a.fits"), "a.fits: is a file; name a folder"),
            (("a.mask.fits", "-o", "report", "--tracking", "a.fits"), "a.fits: is no table of tracking"),
            (("a.mask.fits", "-o", "report", "--tracking", "no.ecsv"), "no.ecsv: no such table"),
            (("a.mask.fits", "-o", "report", "--manifest", "no.parquet"), "no.parquet: no such manifest"),
        ],
    )
    def test_bad_options_are_one_line(self, run, options, line, tmp_path):
        assert failure(run("report", *options)).startswith(line)
        assert not (tmp_path / "report").exists()


class TestOptionOfMask:
    def test_a_run_makes_the_report_of_its_masks(self, run, pixel_model, tmp_path):
        for number in range(2):
            write(tmp_path / f"night/{number}.fits", sky(seed=number))
        (tmp_path / "night/damaged.fits").write_bytes(b"SIMPLE  =                    T" + bytes(50))
        options = ("-o", "masks/", "--model", pixel_model, "--priors", "none", "--report", "report")
        result = run("mask", "night/", *options)
        assert result.code == 1
        assert "report of 2 frames: report/index.html" in result.out
        assert {row["file"] for row in rows_of(tmp_path / "report")} == {
            str(tmp_path / f"night/{number}.fits") for number in range(2)
        }
        assert "damaged.fits" in (tmp_path / "report/index.html").read_text()

    def test_a_resumed_run_reports_the_masks_of_both_runs(self, run, pixel_model, tmp_path):
        options = ("-o", "masks/", "--model", pixel_model, "--priors", "none", "--report", "report")
        for number in range(2):
            write(tmp_path / f"night/{number}.fits", sky(seed=number))
            assert run("mask", "night/", *options, *(["--resume"] if number else [])).code == 0
        assert len(rows_of(tmp_path / "report")) == 2

    def test_masks_without_planes_are_refused_before_the_run(self, run, pixel_model, tmp_path):
        write(tmp_path / "a.fits", sky())
        line = failure(run("mask", "a.fits", "--model", pixel_model, "--value", "1", "--report", "report"))
        assert line.startswith("--report shows masks with bit planes")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.fits"]


class TestVerdicts:
    def test_a_saved_table_is_a_list_of_files(self, run, pixel_model, tmp_path):
        write_exposure(tmp_path / "a, b.fits", 0)
        write(tmp_path / "c.fits", sky())
        (tmp_path / "verdicts.csv").write_text(
            "file,hdu,name,plane,verdict,mask\n"
            f'"{tmp_path}/a, b.fits",1,N1,0,bad,x.fits\n'
            f'"{tmp_path}/a, b.fits",2,S1,0,look again,x.fits\n'
            "c.fits,0,,0,bad,y.fits\n"
        )
        result = run("mask", "--files-from", "verdicts.csv", "--model", pixel_model, "--priors", "none", "-q")
        assert result.code == 0, result
        assert sorted(path.name for path in tmp_path.glob("*.mask.fits")) == ["a, b.mask.fits", "c.mask.fits"]

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("a.fits\nb.fits\n", "list.csv: its first line names no column 'file'"),
            ("file,verdict\n", "list.csv: the table has no files"),
            ('file\n"a.fits\n', "list.csv: is no table that can be read"),
        ],
    )
    def test_other_tables_are_one_line(self, run, pixel_model, tmp_path, text, line):
        (tmp_path / "list.csv").write_text(text)
        assert failure(run("mask", "--files-from", "list.csv", "--model", pixel_model)).startswith(line)


class TestView:
    @pytest.fixture
    def opened(self, monkeypatch):
        addresses = []

        def keep(address):
            addresses.append(address)
            return True

        monkeypatch.setattr("webbrowser.open", keep)
        return addresses

    @pytest.mark.usefixtures("masked")
    @pytest.mark.parametrize("name", ["a.fits", "a.mask.fits"])
    def test_the_page_of_one_file_is_opened(self, run, opened, tmp_path, name):
        result = run("view", name, "-o", "page")
        assert result.code == 0, result
        assert opened == [(tmp_path / "page/index.html").as_uri()]
        assert [row["file"] for row in rows_of(tmp_path / "page")] == [str(tmp_path / "a.fits")]
        assert run("view", name, "-o", "page", "--no-open").code == 0
        assert len(opened) == 1

    @pytest.mark.usefixtures("masked")
    def test_without_a_folder_the_page_is_in_the_cache(self, run, opened, cache):
        assert run("view", "a.fits").code == 0
        assert opened[0].startswith((cache / "views").as_uri())

    def test_a_frame_without_a_mask_is_one_line(self, run, opened, tmp_path):
        write(tmp_path / "a.fits", sky())
        assert failure(run("view", "a.fits")).startswith(
            "a.fits: has no mask beside it; run `skysieve mask a.fits`"
        )
        assert failure(run("view", "b.fits")).startswith("b.fits: no such file")
        assert not opened

    def test_an_integer_image_without_planes_is_no_mask(self, run, tmp_path):
        fits.writeto(tmp_path / "m.fits", np.zeros((40, 40), np.int16))
        write(tmp_path / "a.fits", sky())
        assert "m.fits: is no mask with bit planes" in failure(run("view", "a.fits", "--mask", "m.fits"))
