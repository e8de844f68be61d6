"""Identity of a run: the settings that decide what it gives, to compare the parts of one run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from skysieve._version import __version__
from skysieve.core.settings import KEY

__all__ = ["difference", "identify_run"]

SPEED = "Speed"
"""Heading of the settings that may differ between machines."""

UNIMPORTANT = {"overwrite", "resume"}


def identify_run(verb: str, job: object) -> dict[str, str]:
    """Return what identifies a run: its command, the version, and each setting that its results depend on.

    Parameters
    ----------
    verb
        Name of the command.
    job
        The job, a dataclass whose fields are settings, or dataclasses of settings.

    Returns
    -------
    dict
        Texts by name.  Settings that only affect the speed are left out.
    """
    return {"command": verb, "version": __version__, **_settings(job)}


def _settings(part: object) -> dict[str, str]:
    found: dict[str, str] = {}
    if not dataclasses.is_dataclass(part):
        return found
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        option = field.metadata.get(KEY)
        if field.name.startswith("_") or field.name in UNIMPORTANT or getattr(option, "panel", None) == SPEED:
            continue
        if dataclasses.is_dataclass(value):
            found |= _settings(value)
        else:
            found[field.name] = json.dumps(_plain(value), sort_keys=True)
    return found


def _plain(value: Any) -> Any:
    """Return a value in types of JSON."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | None) else str(value)


def difference(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Return in words what differs between two runs.

    Parameters
    ----------
    one, other
        Identities; see :func:`identify_run`.

    Returns
    -------
    str
        The first difference, as ``views: 1 and 4``; empty if there is none.
    """
    for name in dict.fromkeys([*one, *other]):
        if one.get(name) != other.get(name):
            values = [run.get(name, "none")[:80] for run in (one, other)]
            return f"{name.replace('_', ' ')}: {' and '.join(values)}"
    return ""
