"""Facts for a report about the machine and the installed packages."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["machine_facts"]

PACKAGES = ("skysieve", "numpy", "scipy", "astropy", "openvino", "onnxruntime", "onnxruntime-gpu", "MaxiMask")


def machine_facts() -> dict[str, str]:
    """Return the machine, the Python version and the versions of the main packages.

    Returns
    -------
    dict
        Facts as text, by name.
    """
    return {
        "machine": f"{platform.system()} {platform.machine()}, {_processor()}, {os.cpu_count()} processors",
        "Python": platform.python_version(),
        "packages": ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name))),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    """Return the name of the processor, if the system reports it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # the file exists on Linux only
    return platform.processor() or "unknown processor"
