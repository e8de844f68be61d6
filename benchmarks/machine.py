"""Description of the machine and of the package versions of a benchmark."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path

__all__ = ["CORES", "describe", "has_amx", "has_bf16", "load", "pin", "versions"]

CORES = 2
"""Number of processors that all measurements may use."""

INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_tile", "asimd", "bf16")


def pin() -> None:
    """Restrict this process and its children to two processors, on two different cores if possible."""
    if not hasattr(os, "sched_setaffinity"):
        return
    allowed = sorted(os.sched_getaffinity(0))
    by_core: dict[str, int] = {}
    for processor in allowed:
        by_core.setdefault(_siblings(processor), processor)
    chosen = [*by_core.values(), *(p for p in allowed if p not in by_core.values())][:CORES]
    os.sched_setaffinity(0, chosen)


def _siblings(processor: int) -> str:
    """Return the processors of the same core, as Linux lists them."""
    path = Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list")
    return path.read_text() if path.exists() else str(processor)


def describe() -> dict[str, str]:
    """Return the properties that speed depends on: processor, cores, memory, system and load."""
    info, flags = _cpuinfo(), _flags()
    family = (info[key] for key in ("cpu family", "model", "stepping") if key in info)
    model = info.get("model name") or platform.processor() or platform.machine()
    used = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    described = {
        "processor": f"{model} (family/model/stepping {'/'.join(family)})" if "model" in info else model,
        "instruction sets": ", ".join(name for name in INSTRUCTIONS if name in flags) or "unknown",
        "processors used": f"{', '.join(map(str, used)) or 'all'} of {os.cpu_count()}",
        "memory": f"{memory:.1f} GB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}, {platform.libc_ver()[0]} "
        f"{platform.libc_ver()[1]}",
        "Python": platform.python_version(),
    }
    described["load of the machine before the run"] = f"{load():.2f}"
    return described


def load() -> float:
    """Return the load average of the last minute; 0 if the system has none."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def has_amx() -> bool:
    """Whether the processor has bfloat16 matrix instructions (AMX), according to the system."""
    return "amx_bf16" in _flags()


def _flags() -> set[str]:
    """Return the names of the processor's instruction sets."""
    info = _cpuinfo()
    return set(info.get("flags", info.get("Features", "")).split())


def _cpuinfo() -> dict[str, str]:
    """Return the fields of the first processor in ``/proc/cpuinfo``."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text().split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def has_bf16() -> bool:
    """Whether OpenVINO is installed and finds bfloat16 instructions on this machine."""
    try:
        import openvino
    except ImportError:
        return False
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def versions() -> dict[str, str]:
    """Return the versions of Skysieve and its requirements, and the commit of the sources."""
    wanted = ["skysieve"]
    for requirement in importlib.metadata.requires("skysieve") or ():
        match = re.match(r"[\w.-]+", requirement)
        if match and not re.search(r"extra == .(train|test|lint|docs|gpu)", requirement):
            wanted.append(match.group())
    found = {}
    for name in dict.fromkeys(wanted):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    commit = _commit()
    if commit:
        found["skysieve"] += f" ({commit})"
    return found


def _commit() -> str:
    """Return the commit of the sources, and whether they have uncommitted changes; empty outside git."""
    here = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        )
        changes = subprocess.run(
            ["git", "status", "--porcelain", "--", "../src"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"commit {commit.stdout.strip()}" + (", with changes" if changes.stdout.strip() else "")
