"""Extras that are missing, and the command that installs them for whoever reads the message."""

from __future__ import annotations

import json
import shlex
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from skysieve.core.errors import ConfigError
from skysieve.core.extras import EXTRAS, describe_missing_module, install_command, require

ROOT = Path(__file__).parents[1]
FOR_DEVELOPMENT = {"test", "lint", "docs", "all"}
MODULES = {
    "dask-jobqueue": "dask_jobqueue",
    "google-crc32c": "google_crc32c",
    "maximask": "maximask_and_maxitrack",
    "onnxruntime-gpu": "onnxruntime",
    "pyyaml": "yaml",
}
"""Modules that have another name than what they are installed by."""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Let the package look as if it was installed from a place, as pip and PEP 610 record it."""

    def installed(installer="pip", **source):
        record = tmp_path / "site" / "skysieve-0.1.0.dist-info"
        record.mkdir(parents=True)
        (record / "METADATA").write_text("Metadata-Version: 2.4\nName: skysieve\nVersion: 0.1.0\n")
        (record / "INSTALLER").write_text(f"{installer}\n")
        if source:
            (record / "direct_url.json").write_text(json.dumps(source))
        monkeypatch.syspath_prepend(record.parent)

    return installed


@pytest.fixture
def clone(tmp_path):
    folder = tmp_path / "a clone"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    return folder


def words(command):
    return shlex.split(command)


@pytest.mark.skipif(sys.platform == "win32", reason="quotes of a POSIX shell")
class TestTheCommand:
    def test_names_the_package_where_it_came_from_an_index(self, installed):
        installed()
        assert install_command("train") == "pip install 'skysieve[train]'"

    def test_names_the_clone_of_an_editable_installation(self, installed, clone):
        installed(url=clone.as_uri(), dir_info={"editable": True})
        assert words(install_command("sky")) == ["pip", "install", "-e", f"{clone}[sky]"]

    def test_names_the_clone_that_was_copied(self, installed, clone):
        installed(url=clone.as_uri(), dir_info={})
        assert words(install_command("sky")) == ["pip", "install", f"{clone}[sky]"]

    def test_names_the_wheel_while_it_is_there(self, installed, tmp_path):
        wheel = tmp_path / "skysieve-0.1.0-py3-none-any.whl"
        wheel.touch()
        installed(url=wheel.as_uri(), archive_info={})
        assert words(install_command("clusters")) == ["pip", "install", f"{wheel}[clusters]"]

    def test_names_the_package_where_the_wheel_or_clone_has_gone(self, installed, tmp_path):
        installed(url=(tmp_path / "gone.whl").as_uri(), archive_info={})
        assert words(install_command("clusters")) == ["pip", "install", "skysieve[clusters]"]

    @pytest.mark.parametrize(
        ("revision", "ending"),
        [
            ({"requested_revision": "v1", "commit_id": "abc"}, "@v1"),
            ({"commit_id": "abc"}, "@abc"),
        ],
    )
    def test_names_the_repository_and_the_revision(self, installed, revision, ending):
        url = "https://example.org/skysieve.git"
        installed(url=url, vcs_info={"vcs": "git", **revision})
        assert words(install_command("train")) == ["pip", "install", f"skysieve[train] @ git+{url}{ending}"]

    def test_names_the_address_of_a_wheel(self, installed):
        url = "https://example.org/skysieve-0.1.0-py3-none-any.whl"
        installed(url=url, archive_info={})
        assert words(install_command("train")) == ["pip", "install", f"skysieve[train] @ {url}"]

    def test_is_that_of_uv_where_uv_installed_the_package(self, installed):
        installed("uv")
        assert install_command("train") == "uv pip install 'skysieve[train]'"

    def test_names_the_package_where_the_record_is_damaged(self, installed, tmp_path):
        installed(url="x")
        (tmp_path / "site" / "skysieve-0.1.0.dist-info" / "direct_url.json").write_text("{")
        assert words(install_command("train")) == ["pip", "install", "skysieve[train]"]


class TestMissingModules:
    def test_are_all_named_with_the_extra(self, monkeypatch):
        for name in EXTRAS["simulate"]:
            monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ConfigError) as error:
            require("simulation", "simulate")
        expected = f"simulation needs galsim, pydantic, yaml; run: {install_command('simulate')}"
        assert str(error.value) == expected

    def test_that_are_not_needed_may_be_missing(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "galsim", None)
        require("reading recipes", "simulate", "json")

    @pytest.mark.parametrize(
        ("module", "extra"),
        [
            ("healpy.pixelfunc", "clusters"),
            ("galsim", "simulate"),
            ("torch", "train"),
            ("torchvision.models", "mask-rcnn"),
            ("camb", "sky"),
        ],
    )
    def test_that_were_met_on_the_way_are_described_by_the_smallest_extra(self, module, extra):
        line = describe_missing_module(ModuleNotFoundError(name=module))
        assert line == f"this needs {module.partition('.')[0]}; run: {install_command(extra)}"

    def test_of_no_extra_are_not_described(self):
        assert describe_missing_module(ModuleNotFoundError(name="nothing")) is None
        assert describe_missing_module(ModuleNotFoundError("no name")) is None


def test_modules_of_the_extras_are_those_of_the_project_file():
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]

    def modules(extra):
        found: set[str] = set()
        for requirement in map(Requirement, extras[extra]):
            name = requirement.name.lower()
            if name == "skysieve":
                found = found.union(*map(modules, requirement.extras))
            else:
                found.add(MODULES.get(name, name))
        return found

    assert EXTRAS.keys() == extras.keys() - FOR_DEVELOPMENT
    assert {extra: set(names) for extra, names in EXTRAS.items()} == {name: modules(name) for name in EXTRAS}
