"""What a text on the command line stands for."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysieve.core.errors import SourceError
from skysieve.core.fits.locations import Location, find_locations, parse_location


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names):
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(text):
    return [str(location) for location in find_locations(text)]


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("a.fits", Location(Path("a.fits"))),
        ("a.fits[0]", Location(Path("a.fits"), 0)),
        ("a.fits.fz[2]", Location(Path("a.fits.fz"), 2)),
        ("a.fits[SCI]", Location(Path("a.fits"), "SCI")),
        ("a.fits[SCI,1]", Location(Path("a.fits"), "SCI", 1)),
        ("a.fits[ SCI , 2 ]", Location(Path("a.fits"), "SCI", 2)),
        ("dir[old]/a.fits", Location(Path("dir[old]/a.fits"))),
        ("a[1].fits[3]", Location(Path("a[1].fits"), 3)),
    ],
)
def test_the_forms_of_cfitsio_are_read(folder, text, location):
    assert parse_location(text) == location


@pytest.mark.parametrize(
    "text", ["a.fits[]", "a.fits[-1]", "a.fits[+1]", "a.fits[SCI,x]", "a.fits[,1]", "a.fits[2,1]"]
)
def test_brackets_that_name_no_hdu_are_refused_with_their_text(folder, text):
    with pytest.raises(SourceError, match=r"names no HDU; write \[n\]"):
        parse_location(text)


@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_name_is_refused(folder, text):
    with pytest.raises(SourceError, match="empty file name"):
        find_locations(text)


def test_a_file_with_brackets_in_its_name_wins_over_the_syntax(folder):
    touch("a.fits", "a.fits[2]")
    assert parse_location("a.fits[2]") == Location(Path("a.fits[2]"))
    assert found("a.fits[2]") == ["a.fits[2]"]
    assert parse_location("a.fits[3]") == Location(Path("a.fits"), 3)


@given(
    name=st.from_regex(r"[A-Za-z0-9_ .-]{0,10}[a-z]\.fits", fullmatch=True),
    hdu=st.none() | st.integers(0, 99) | st.from_regex(r"[A-Z][A-Z0-9_-]{0,7}", fullmatch=True),
    version=st.none() | st.integers(0, 99),
)
def test_what_a_location_prints_is_read_back(name, hdu, version):
    location = Location(Path(name), hdu, version if isinstance(hdu, str) else None)
    assert parse_location(str(location)) == location


def test_a_home_directory_is_understood(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    touch("a.fits")
    assert find_locations("~/a.fits[1]") == [Location(folder / "a.fits", 1)]
    with pytest.raises(SourceError, match="no such file"):
        find_locations("~nobody-of-that-name/a.fits")


def test_a_directory_gives_its_fits_files_by_name_and_not_those_below(folder):
    touch("n/b.FITS", "n/a.fit", "n/c.fts", "n/d.fits.fz", "n/e.fits.gz", "n/f.FIT.BZ2", "n/notes.txt")
    touch("n/sub/z.fits", "n/.hidden.fits", "n/g.fits.tmp", "n/fits")
    Path("n/folder.fits").mkdir()
    assert found("n") == ["n/a.fit", "n/b.FITS", "n/c.fts", "n/d.fits.fz", "n/e.fits.gz", "n/f.FIT.BZ2"]


def test_products_are_left_out_of_a_directory_and_nothing_else_is(folder):
    products = ["a.masks.fits", "a.mask.fits.fz", "a.masks2.fits", "a.MASK13.fit.gz", "a.probabilities.fits"]
    products += ["a.maskN1.fits", "a.masksSCI1.fits", "a.probabilitiesSCI.fits"]
    frames = ["mask.fits", "masked.fits", "a_mask.fits", "a.masker.fits", "amask.fits", "probabilities.fits"]
    touch(*(f"unmasked.mask/{name}" for name in products + frames))
    assert found("unmasked.mask") == [f"unmasked.mask/{name}" for name in sorted(frames)]


def test_a_product_named_outright_is_taken(folder):
    touch("a.masks.fits", "a.fits")
    assert found("a.masks.fits[1]") == ["a.masks.fits[1]"]
    assert found("*.masks.fits") == ["a.masks.fits"]
    assert found("*.fits") == ["a.fits"]


def test_an_hdu_holds_for_each_file_of_a_directory_or_glob(folder):
    touch("n/a.fits", "n/b.fits")
    assert found("n[SCI,1]") == ["n/a.fits[SCI,1]", "n/b.fits[SCI,1]"]
    assert found("n/*.fits[1]") == ["n/a.fits[1]", "n/b.fits[1]"]


def test_globs(folder):
    touch("a1.fits", "a2.fits", "a3.fits", "deep/er/a4.fits", "img1", "old[x]/b1.fits")
    Path("a9.fits").mkdir()
    assert found("a?.fits") == ["a1.fits", "a2.fits", "a3.fits"]
    assert found("a[12].fits") == ["a1.fits", "a2.fits"]
    assert found("a[12].fits[0]") == ["a1.fits[0]", "a2.fits[0]"]
    assert found("**/a4.*") == ["deep/er/a4.fits"]
    assert found("img[12]") == ["img1"], "no file 'img', so these brackets are a glob"
    assert found("old[x]/*.fits") == ["old[x]/b1.fits"], "a folder that exists is no pattern"
    assert found(f"{folder}/a[3].fits") == [f"{folder}/a3.fits"]


def test_a_link_to_nowhere_is_kept_so_that_it_is_reported(folder):
    touch("n/a.fits")
    Path("n/b.fits").symlink_to("gone.fits")
    assert found("n") == ["n/a.fits", "n/b.fits"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gone.fits", "gone.fits: no such file or directory"),
        ("gone.fits[1]", "gone.fits: no such file or directory"),
        ("a.fits/b.fits", "a.fits/b.fits: no such file or directory"),
        ("gone*.fits", r"gone\*.fits: no such file, and no match as a glob"),
        ("empty", "empty: the directory holds no FITS files"),
        ("gone.list", "gone.list: no such list"),
        ("@gone", "gone: no such list"),
        ("@empty", "empty: the list cannot be read"),
        ("loop.fits", "loop.fits: cannot be reached"),
        ("@loop.fits", "loop.fits: the list cannot be read"),
        ("a\0.fits", "cannot be reached"),
        ("a" * 5000, "cannot be reached"),
    ],
)
def test_what_cannot_be_found_is_refused_in_one_line(folder, text, message):
    touch("a.fits", "empty/notes.txt")
    Path("loop.fits").symlink_to("loop.fits")
    with pytest.raises(SourceError, match=message) as caught:
        find_locations(text)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind root")
def test_an_unreadable_directory_is_refused(folder):
    touch("n/a.fits")
    Path("n").chmod(0o000)
    try:
        with pytest.raises(SourceError, match="n: the directory cannot be read"):
            find_locations("n")
        with pytest.raises(SourceError, match=r"a\.fits: cannot be reached"):
            find_locations("n/a.fits")
        # Names can be listed, files not reached: each is reported when opened.
        Path("n").chmod(0o400)
        assert found("n") == ["n/a.fits"]
    finally:
        Path("n").chmod(0o700)


def test_a_directory_that_cannot_be_listed_is_refused(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    touch("n/a.fits")
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(SourceError, match=r"n: the directory cannot be read \(Permission denied\)"):
        find_locations("n")


@pytest.mark.parametrize("text", ["frames.list", "frames.LIST", "@frames.txt"])
def test_lists(folder, text):
    touch("a.fits", "b 1.fits", "c#1.fits", "n/d.fits", "n/e.fits", "@odd.fits")
    lines = [
        "\ufeff# frames of the night",
        "a.fits  # the first",
        "",
        "  b 1.fits[SCI,1]\r",
        "c#1.fits",
        "n/*.fits[2]",
        "n",
        "a.fits",
        "@odd.fits",
        "a.fits[1]",
    ]
    Path(text.removeprefix("@")).write_text("\n".join(lines), encoding="utf-8")
    assert found(text) == [
        "a.fits",
        "b 1.fits[SCI,1]",
        "c#1.fits",
        "n/d.fits[2]",
        "n/e.fits[2]",
        "n/d.fits",
        "n/e.fits",
        "@odd.fits",
        "a.fits[1]",
    ]


def test_entries_are_sought_in_the_current_folder_and_then_beside_the_list(folder):
    touch("both.fits", "night[1]/both.fits", "night[1]/beside.fits")
    Path("night[1]/frames.list").write_text("both.fits\nbeside.fits[1]\nbes*.fits\n")
    assert found("night[1]/frames.list") == [
        "both.fits",
        "night[1]/beside.fits[1]",
        "night[1]/beside.fits",
    ]


def test_entries_that_name_nothing_are_kept_so_that_the_rest_runs(folder):
    touch("a.fits")
    Path("empty").mkdir()
    Path("loop.fits").symlink_to("loop.fits")
    Path("frames.list").write_text("gone.fits[1]\na.fits\nempty\ngone*.fits\nloop.fits\n")
    assert found("frames.list") == ["gone.fits[1]", "a.fits", "empty", "gone*.fits", "loop.fits"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the list is empty"),
        (b"# nothing\n\n  \n", "the list is empty"),
        (b"SIMPLE  =                    T", "a binary file, not a list"),
        (b"a.fits\n\0\1\2", "a binary file, not a list"),
        (b"\x89PNG\xff", "not UTF-8 text"),
        (b"a.fits\nb.fits[]\n", r"frames.list, line 2: 'b.fits\[\]'"),
    ],
)
def test_lists_that_are_none_are_refused(folder, content, message):
    Path("frames.list").write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        find_locations("frames.list")
    assert "\n" not in str(caught.value)


def test_a_folder_named_like_a_list_is_a_folder(folder):
    touch("n.list/a.fits")
    assert found("n.list") == ["n.list/a.fits"]


def test_a_file_named_like_a_list_reference_wins(folder):
    touch("@a.fits")
    assert found("@a.fits") == ["@a.fits"]


@pytest.mark.usefixtures("folder")
class TestListsFromOtherPrograms:
    @pytest.mark.parametrize("text", ["-", "@-"])
    def test_come_by_standard_input(self, monkeypatch, text):
        touch("a.fits", "b.fits")
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a.fits # first\n\nb.fits[2]\n")))
        assert found(text) == ["a.fits", "b.fits[2]"]

    def test_name_standard_input_where_they_are_wrong(self, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"# nothing")))
        with pytest.raises(SourceError, match=r"^-: the list is empty"):
            found("-")

    def test_do_not_hide_a_file_of_that_name(self):
        touch("-")
        assert found("./-") == ["-"]

    @pytest.mark.skipif(not Path("/dev/fd").exists(), reason="no /dev/fd")
    def test_come_by_a_descriptor_of_the_shell(self):
        touch("a.fits")
        reader, writer = os.pipe()
        os.write(writer, b"a.fits\n")
        os.close(writer)
        try:
            assert found(f"@/dev/fd/{reader}") == ["a.fits"]
        finally:
            os.close(reader)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
    def test_are_not_waited_for_in_a_named_pipe(self):
        os.mkfifo("night.list")
        for text in ("night.list", "@night.list"):
            with pytest.raises(SourceError, match=r"night\.list: is no regular file"):
                found(text)

    @pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no devices here")
    def test_do_not_go_on_for_ever(self, monkeypatch):
        with pytest.raises(SourceError, match="/dev/zero: is no regular file"):
            found("@/dev/zero")
        monkeypatch.setattr("skysieve.core.fits.location_lists._MAX_BYTES", 10**5)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a.fits\n" * 10**5)))
        with pytest.raises(SourceError, match="has more than 100000 bytes; split the list"):
            found("-")
