"""Extras of the package: the modules in each, and the command that installs one.

Code that needs an extra calls :func:`require` before any work.  The command in the message fits the way in
which the package was installed, which pip records (PEP 610).
"""

from __future__ import annotations

import json
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from skysieve.core.errors import ConfigError

__all__ = ["EXTRAS", "describe_missing_module", "install_command", "require"]

_SIMULATE = ("galsim", "pydantic", "yaml")
_CLUSTERS = ("healpy", "mocpy", "regions", "matplotlib", "yaml")
_TRAIN = (*_SIMULATE, "torch", "safetensors", "onnx", "matplotlib", "healpy", "monai")

EXTRAS: dict[str, tuple[str, ...]] = {
    "simulate": _SIMULATE,
    "evaluate": (*_SIMULATE, "matplotlib"),
    "regions": ("regions",),
    "report": ("jinja2",),
    "parquet": ("pyarrow",),
    "healsparse": ("healsparse", "hpgeom", "mocpy"),
    "dask": ("dask", "distributed", "dask_jobqueue"),
    "clusters": _CLUSTERS,
    "maximask": ("maximask_and_maxitrack", "onnx", "google_crc32c"),
    "openvino": ("openvino",),
    "onnxruntime": ("onnxruntime",),
    "gpu": ("onnxruntime",),
    "ghosts": (*_SIMULATE, "batoid"),
    "sky": tuple(dict.fromkeys((*_CLUSTERS, *_SIMULATE, "camb", "colossus", "ducc0"))),
    "train": _TRAIN,
    "mask-rcnn": (*_TRAIN, "torchvision"),
}
"""Modules of each extra, including those of the extras that it contains; small extras first."""


def require(purpose: str, extra: str, *modules: str) -> None:
    """Check that the modules of an extra are installed, before any work.

    Parameters
    ----------
    purpose
        Task that needs it, for the message, such as "training".
    extra
        Name of the extra.
    *modules
        Modules of the extra that are needed; all of them by default.

    Raises
    ------
    ConfigError
        If a module is missing. The message names the missing modules and the command that installs them.
    """
    missing = [name for name in modules or EXTRAS[extra] if find_spec(name) is None]
    if missing:
        raise ConfigError(f"{purpose} needs {', '.join(missing)}; run: {install_command(extra)}")


def describe_missing_module(error: ModuleNotFoundError) -> str | None:
    """Return the message for a missing module.

    Parameters
    ----------
    error
        Error of the import.

    Returns
    -------
    str or None
        One line with the command that installs it; None for a module that is in no extra.
    """
    module = (error.name or "").partition(".")[0]
    for extra, modules in EXTRAS.items():
        if module in modules:
            return f"this needs {module}; run: {install_command(extra)}"
    return None


def install_command(extra: str) -> str:
    """Return the command that adds an extra to this installation.

    Parameters
    ----------
    extra
        Name of the extra.

    Returns
    -------
    str
        Shell command. It names the same clone, wheel or repository from which the package was installed, and
        otherwise the package. pip keeps an installed release and adds missing requirements, so the name is
        enough even if no index has the package.
    """
    installer, source = _installation()
    begin = "uv pip install" if installer == "uv" else "pip install"
    target, editable = _target(source, extra)
    quoted = f'"{target}"' if sys.platform == "win32" else shlex.quote(target)
    return f"{begin} {'-e ' if editable else ''}{quoted}"


def _installation() -> tuple[str, dict[str, Any]]:
    """Return the installer of the package and the record of its source (PEP 610); empty if unknown."""
    from importlib.metadata import Distribution, PackageNotFoundError

    try:
        package = Distribution.from_name("skysieve")
    except PackageNotFoundError:
        return "", {}
    try:
        source = json.loads(package.read_text("direct_url.json") or "{}")
    except ValueError:
        source = {}
    return (package.read_text("INSTALLER") or "").strip(), source if isinstance(source, dict) else {}


def _target(source: dict[str, Any], extra: str) -> tuple[str, bool]:
    """Return the requirement to install, and whether it is editable."""
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    url = str(source.get("url", ""))
    if url.startswith("file:") and "vcs_info" not in source:
        path = Path(url2pathname(urlsplit(url).path))
        if path.is_file() or (path / "pyproject.toml").is_file():
            return f"{path}[{extra}]", bool(source.get("dir_info", {}).get("editable"))
    elif url:
        revision = source.get("vcs_info", {})
        if revision:
            wanted = revision.get("requested_revision") or revision.get("commit_id", "")
            url = f"{revision.get('vcs', 'git')}+{url}{'@' if wanted else ''}{wanted}"
        folder = source.get("subdirectory")
        return f"skysieve[{extra}] @ {url}{f'#subdirectory={folder}' if folder else ''}", False
    return f"skysieve[{extra}]", False
