"""The pages say what the program does: examples run, commands parse, links lead somewhere."""

from __future__ import annotations

import re
import runpy
import shlex
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from astropy.io import fits

from skysieve.cli.app import app
from skysieve.cli.lazy_verb import LazyVerb
from skysieve.frames.mask.bitmaps import read_bit_map
from skysieve.frames.simulate import simulate_frame

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
OPTION = re.compile(r"(?<![\w-])(?:--[a-z][a-z_-]+|-[a-z])(?![\w-])")
EXECUTABLES = {"skysieve-maximask", "skysieve-maxitrack"}
OF_OTHERS = {"ds9", "source-extractor", "pip", "make", "fitscheck", "python"}
# Options of those others that pages mention in running text.
OPTIONS_OF_OTHERS = {"--ignore-missing"}
RUN_ELSEWHERE = "with-other-tools.md"  # with its commands, by test_with_other_tools.py
LARGEST_PICTURE = 400_000
RESULTS = "results/"  # pages that benchmarks write

page_of = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def _blocks(page, language):
    return [code for kind, code in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def _command_lines(page):
    """Return the commands of console blocks, word by word."""
    for block in _blocks(page, "console"):
        for line in block.splitlines():
            assert line.startswith("$ "), f"{page.name}: {line!r} does not begin with a prompt"
            yield shlex.split(line[2:], comments=True)


def _all_commands(command, name=()):
    if isinstance(command, LazyVerb):
        command = command.verb
    yield name, command
    for child_name, child in getattr(command, "commands", {}).items():
        yield from _all_commands(child, (*name, child_name))


COMMANDS = dict(_all_commands(typer.main.get_command(app)))
OPTIONS = {
    option
    for command in COMMANDS.values()
    for one in command.params
    for option in (*one.opts, *one.secondary_opts)
}
OPTIONS |= {"-h", "--help"} | OPTIONS_OF_OTHERS


def _parse(words):
    """Parse a command line as the program does, without running it."""
    name: tuple[str, ...] = ()
    while words and (*name, words[0]) in COMMANDS:
        name, words = (*name, words[0]), words[1:]
    default = getattr(COMMANDS[name], "default", None)
    if isinstance(default, str):  # a group that takes this verb where none is named
        name = (*name, default)
    # a group runs the options that it parses, as --version
    if not hasattr(COMMANDS[name], "commands"):
        COMMANDS[name].make_context(" ".join(("skysieve", *name)), words)
    else:
        assert set(words) <= OPTIONS, f"{name}: {words}"


@page_of
def test_commands_parse(page):
    for program, *words in _command_lines(page):
        if program in EXECUTABLES:
            _parse([program.removeprefix("skysieve-"), *words])
        elif program not in OF_OTHERS:
            assert program == "skysieve", f"{page.name}: unknown program {program}"
            _parse(words)


@page_of
def test_options_exist(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for code in re.findall(r"`([^`\n]+)`", text):
        if code.split()[0] not in OF_OTHERS:
            unknown = set(OPTION.findall(code)) - OPTIONS
            assert not unknown, f"{page.name}: {code}"


@page_of
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", page.read_text(encoding="utf-8"))) <= targets
    for program, *words in _command_lines(page):
        if program == "make":
            assert set(words) <= targets


def _anchors(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}
    return anchors | set(re.findall(r"^::: (\S+)$", text, re.MULTILINE))


@page_of
def test_links_lead_somewhere(page):
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if RESULTS in path and not target.exists():
            continue
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in _anchors(target), f"{page.name}: {link}"


def test_every_page_is_in_the_contents():
    contents = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    listed = set(re.findall(r"([\w-]+\.md)$", contents, re.MULTILINE))
    assert listed == {page.name for page in DOCS.glob("*.md")} | {"README.md"}


def test_pictures_are_small():
    pictures = list((DOCS / "images").iterdir())
    assert pictures
    assert all(picture.stat().st_size < LARGEST_PICTURE for picture in pictures)


@pytest.mark.parametrize(
    ("name", "needs"),
    [("classes", "numpy"), ("recipes", "galsim"), ("networks", "monai")],
)
def test_printed_page_is_up_to_date(name, needs):
    pytest.importorskip(needs)
    printed = runpy.run_path(str(DOCS / "_generate" / f"{name}.py"))["render"]()
    assert (DOCS / f"{name}.md").read_text(encoding="utf-8") == printed, (
        f"run: python docs/_generate/{name}.py > docs/{name}.md"
    )


def test_bit_map_of_the_example_is_read(tmp_path):
    (example,) = _blocks(DOCS / "masking.md", "toml")
    (tmp_path / "my-bits.toml").write_text(example, encoding="utf-8")
    assert read_bit_map(str(tmp_path / "my-bits.toml")).values == tomllib.loads(example)["values"]


class TestArchitecture:
    TEXT = (DOCS / "architecture.md").read_text(encoding="utf-8")

    def test_packages_are_those_of_the_source(self):
        tables = self.TEXT.split("## Layout")[1].split("## ")[0]
        described = set(re.findall(r"`(\w+)`", tables))
        source = ROOT / "src" / "skysieve"
        there = {
            path.stem
            for product in ("core", "frames", "ghosts", "clusters")
            for path in (source / product).iterdir()
            if not path.name.startswith("__")
        }
        assert there - described == {"classes"}  # of ghosts: no package

    def test_files_exist(self):
        names = set(re.findall(r"\b(?:cli|core|frames|ghosts|clusters)/[\w/]+\.py", self.TEXT))
        assert len(names) > 30
        assert [name for name in sorted(names) if not (ROOT / "src" / "skysieve" / name).exists()] == []


@pytest.mark.skipif(find_spec("maximask_and_maxitrack") is None, reason="published weights are not installed")
class TestExamples:
    @pytest.mark.parametrize(
        "page", [p for p in PAGES if _blocks(p, "python") and p.name != RUN_ELSEWHERE], ids=lambda p: p.name
    )
    def test_run(self, page, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        fits.writeto("frame.fits", simulate_frame((128, 160), seed=1).pixels)
        if page.name == "masking.md":
            app(["mask", "frame.fits", "--quiet"], standalone_mode=False)
        names = {"__name__": page.stem}
        for block in _blocks(page, "python"):
            exec(compile(block, str(page), "exec"), names)  # noqa: S102 (our own examples)
        capsys.readouterr()
