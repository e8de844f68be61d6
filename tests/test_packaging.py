"""The package as it is installed and described."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from skysieve._version import __version__

ROOT = Path(__file__).parents[1]
MODULES = {"pillow": "PIL", "pyyaml": "yaml"}
"""Modules that have another name than what they are installed by."""

REPOSITORY = "https://github.com/skysieve/skysieve"

HEAVY = {"torch", "tensorflow", "onnxruntime-gpu", "matplotlib", "pandas", "scikit-image"}


@pytest.fixture(scope="module")
def configuration():
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


@pytest.fixture(scope="module")
def project(configuration):
    return configuration["project"]


def test_version_is_written_once():
    assert version("skysieve") == __version__
    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_base_installation_is_light():
    base = [line for line in requires("skysieve") or () if "extra ==" not in line]
    names = {Requirement(line).name.lower() for line in base}
    assert "numpy" in names
    assert not names & HEAVY


def test_every_import_is_a_declared_requirement(project):
    declared = {*project["dependencies"]}.union(*project["optional-dependencies"].values())
    names = {Requirement(line).name.lower().replace("-", "_") for line in declared}
    modules = {MODULES.get(name, name) for name in names} | {"skysieve"} | sys.stdlib_module_names
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                imported = [node.module or ""]
            else:
                continue
            missing = {name.split(".")[0] for name in imported} - modules
            assert not missing, (path.name, missing)


def test_every_processor_gets_exactly_one_engine(project):
    engines = [Requirement(line) for line in project["dependencies"] if line.startswith(("openvino", "onnx"))]
    for machine in ("x86_64", "AMD64", "aarch64", "arm64"):
        chosen = [r.name for r in engines if r.marker and r.marker.evaluate({"platform_machine": machine})]
        assert len(chosen) == 1, (machine, chosen)


def test_oldest_releases_are_the_lower_bounds_of_all_that_tests_need(project):
    tools = {"lint", "docs"}  # of developers, and held to releases of their own
    not_beside_another = {"gpu"}  # it holds the module of onnxruntime, which has the same bound
    extras = [lines for extra, lines in project["optional-dependencies"].items() if extra not in tools]
    claimed = map(Requirement, [*project["dependencies"], *(line for lines in extras for line in lines)])
    bounds: dict[str, set[str]] = {}
    for requirement in claimed:
        for limit in requirement.specifier:
            if limit.operator == ">=":
                bounds.setdefault(requirement.name, set()).add(limit.version)
    for extra in not_beside_another:
        for line in project["optional-dependencies"][extra]:
            bounds.pop(Requirement(line).name)
    pins = dict(
        line.split("==")
        for line in (ROOT / ".ci" / "oldest.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    assert pins.keys() == bounds.keys()
    for name, claims in bounds.items():
        (bound,) = claims  # one bound wherever it is claimed
        assert (pins[name] + ".").startswith(bound + "."), name


def test_a_change_is_one_paragraph_of_a_known_kind(configuration):
    kinds = "|".join(kind["directory"] for kind in configuration["tool"]["towncrier"]["type"])
    for path in (ROOT / "changes").glob("*.md"):
        assert re.fullmatch(rf"[a-z0-9-]+\.({kinds})\.md", path.name), path.name
        text = path.read_text(encoding="utf-8").strip()
        assert text, path.name
        assert "\n\n" not in text, path.name
        assert not text.startswith(("-", "*", "#")), path.name


def test_the_source_distribution_holds_all_that_its_tests_read(configuration):
    included = configuration["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    for name in included:
        assert (ROOT / name.removeprefix("/")).exists(), name
    needed = {"/.ci", "/changes", "/docs", "/src", "/tests", "/CITATION.cff", "/Makefile", "/README.md"}
    assert needed <= set(included)


def test_links_of_the_description_lead_to_the_release(configuration):
    """An index shows the README away from the files that it links to."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for rule in configuration["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(rule["pattern"], rule["replacement"].replace("$HFPR_VERSION", "1"), text)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert f"{REPOSITORY}/blob/v1/docs/install.md" in links
    assert "https://raw.githubusercontent.com/skysieve/skysieve/v1/docs/images/demo.png" in links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_addresses_of_the_project_are_those_of_one_repository(project):
    assert all(url.startswith(REPOSITORY) for url in project["urls"].values())
