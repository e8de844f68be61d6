"""The package as it is installed and described."""

from __future__ import annotations

import ast
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

HEAVY = {"torch", "tensorflow", "onnxruntime-gpu", "matplotlib", "pandas", "scikit-image"}


@pytest.fixture(scope="module")
def project():
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]


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
    tools = {"lint", "docs", "changes"}  # of developers, and held to releases of their own
    not_beside_another = {"gpu"}  # it holds the module of onnxruntime, which has the same bound
    extras = [lines for extra, lines in project["optional-dependencies"].items() if extra not in tools]
    claimed = map(Requirement, [*project["dependencies"], *(line for lines in extras for line in lines)])
    bounds: dict[str, set[str]] = {}
    for requirement in claimed:
        for bound in requirement.specifier:
            if bound.operator == ">=":
                bounds.setdefault(requirement.name, set()).add(bound.version)
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
