"""The page on other tools: all of its commands and all of its Python, in order, on one frame."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.cli.command import run_in

PAGE = Path(__file__).parents[2] / "docs" / "with-other-tools.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SEXTRACTOR = "source-extractor"
SECTIONS = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
TITLES = [section.partition("\n")[0] for section in SECTIONS[1:]]
NEEDS = {"photutils": "photutils", "ccdproc": "ccdproc", "ds9": "regions"}


def run_section(title, folder, names):
    """Run what stands under a title; commands as a shell would, Python in one and the same namespace."""
    (text,) = [section for section in SECTIONS if section.partition("\n")[0] == title]
    for language, code in FENCE.findall(text):
        if language == "python":
            exec(compile(code, f"{PAGE.name}, {title}", "exec"), names)  # noqa: S102 (our own examples)
            continue
        assert language == "console", language
        for line in code.splitlines():
            program, *words = shlex.split(line.removeprefix("$ "))
            if program == SEXTRACTOR:
                done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
            else:
                assert program == "skysieve", line
                result = run_in(folder, *words)
                assert result.code == 0, result


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Run a section after those that it builds on, each once."""
    folder = tmp_path_factory.mktemp("page")
    names = {"__name__": "page"}
    done: set[str] = set()

    def run(title):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            for section in (SECTIONS[0].partition("\n")[0], "Astropy", title):
                if section not in done:
                    run_section(section, folder, names)
                    done.add(section)
        return folder, names

    return run


def test_has_a_section_for_each_tool():
    assert TITLES == ["Astropy", "photutils", "ccdproc", "SExtractor", "ds9"]


def test_astropy(page):
    _, names = page("Astropy")
    assert names["again"].unit == "adu"
    assert names["again"].meta["EXPTIME"] == 30
    assert (names["again"].mask == names["masked"].mask).all()
    assert names["again"].uncertainty is not None
    assert (names["bad"] == names["result"].bad()).all()


@pytest.mark.parametrize("title", ["photutils", "ccdproc"])
def test_photometry_and_combination(page, title):
    assert find_spec(NEEDS[title]) is not None, f"{title} is part of the extra test"
    _, names = page(title)
    if title == "photutils":
        assert len(names["sources"]) > 0
    else:
        assert names["combined"].shape == (128, 160)


@pytest.mark.skipif(shutil.which(SEXTRACTOR) is None, reason="source-extractor is not installed")
def test_sextractor(page):
    folder, names = page("SExtractor")
    assert (folder / "sources.fits").exists()
    assert 0 < len(names["good"]) <= len(names["found"])


def test_ds9(page):
    folder, names = page("ds9")
    assert (folder / "regions.reg").read_text().startswith("# Region file format: DS9")
    assert len(names["regions"]) > 0
