from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import OutputError


def test_a_file_is_put_in_place_with_its_folders(tmp_path):
    path = tmp_path / "night" / "1" / "mask.txt"
    with atomic_write(path, overwrite=False) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_the_temporary_is_hidden_in_the_same_folder_and_ends_like_the_file(tmp_path):
    with atomic_write(tmp_path / "mask.fits.gz", overwrite=False) as temporary:
        temporary.touch()
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".skysieve-")
        assert temporary.name.endswith("mask.fits.gz")


@pytest.mark.parametrize("letter", ["m", "\u043c", "\u5929"])
def test_a_name_as_long_as_the_file_system_allows_works(tmp_path, letter):
    path = tmp_path / (letter * (250 // len(letter.encode())) + ".fits")
    with atomic_write(path, overwrite=False) as temporary:
        temporary.write_text("new")
        assert temporary.suffix == ".fits"
    assert path.exists()


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt, SystemExit])
def test_after_an_interruption_the_old_file_is_as_it_was(tmp_path, interruption):
    path = tmp_path / "mask.txt"
    path.write_text("old")

    def write_half() -> None:
        with atomic_write(path, overwrite=True) as temporary:
            temporary.write_text("half")
            raise interruption

    with pytest.raises(interruption):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_is_kept_unless_told_otherwise(tmp_path):
    path = tmp_path / "mask.txt"
    path.write_text("old")
    with (
        pytest.raises(OutputError, match=r"mask\.txt exists; use --overwrite or another --output"),
        atomic_write(path, overwrite=False),
    ):
        pytest.fail("nothing should be computed for a file that cannot be written")
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_a_file_that_appears_meanwhile_is_kept(tmp_path):
    path = tmp_path / "mask.txt"

    def write() -> None:
        with atomic_write(path, overwrite=False) as temporary:
            temporary.write_text("mine")
            path.write_text("another worker's")

    with pytest.raises(OutputError, match="exists"):
        write()
    assert path.read_text() == "another worker's"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    link = tmp_path / "link.txt"
    link.symlink_to("real.txt")
    with atomic_write(link, overwrite=True) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_permissions_follow_the_umask(tmp_path):
    path = tmp_path / "mask.txt"
    before = os.umask(0o027)
    try:
        with atomic_write(path, overwrite=False) as temporary:
            temporary.write_text("new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_is_refused(tmp_path, overwrite):
    with pytest.raises(OutputError, match="is a folder"), atomic_write(tmp_path, overwrite=overwrite):
        pass


@pytest.mark.skipif(not Path("/dev/null").is_char_device(), reason="no /dev/null")
def test_a_device_is_never_replaced():
    with (
        pytest.raises(OutputError, match="not a regular file"),
        atomic_write(Path("/dev/null"), overwrite=True),
    ):
        pass


def test_a_folder_that_cannot_be_made_is_named_in_one_line(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "mask.txt"
    with (
        pytest.raises(OutputError, match=r"cannot write .*mask\.txt: a part of its path is a file") as caught,
        atomic_write(path, overwrite=True),
    ):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "No space left on device; make room, or choose another place",
        ),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied; choose another place"),
        (
            OSError("1000 requested\nand 10 written"),
            "1000 requested and 10 written; is there room on the disk?",
        ),
        (
            OSError("Not enough space on disk: requested 1, available 0. Not enough space. 1 requested"),
            "Not enough space on disk: requested 1, available 0; is there room on the disk?",
        ),
    ],
)
def test_an_error_of_the_system_becomes_one_line_and_leaves_nothing(tmp_path, error, reason):
    path = tmp_path / "mask.txt"

    def write() -> None:
        with atomic_write(path, overwrite=False) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(OutputError) as caught:
        write()
    assert str(caught.value) == f"cannot write {path}: {reason}"
    assert list(tmp_path.iterdir()) == []
