"""Loaded networks that stay in memory between calls of the Python interface."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["RunnerCache", "check_names"]

SIZE = 4
"""Number of loaded networks in memory per cache: loading one takes longer than masking a small frame."""

Runner = TypeVar("Runner")
Settings = TypeVar("Settings")


class RunnerCache(Generic[Runner]):
    """Cache of what runs a network, by its settings."""

    def __init__(self) -> None:
        self._kept: dict[str, Runner] = {}

    def runner(
        self,
        kind: type[Settings],
        settings: Mapping[str, Any],
        make: Callable[[Settings], Runner],
        *,
        of: object = "",
    ) -> Runner:
        """Return what runs a network with some settings, from the cache if it is there.

        Parameters
        ----------
        kind
            Dataclass of the settings.
        settings
            Values of its fields, by name; they may hold dictionaries.
        make
            Loads the network.
        of
            What else it depends on.

        Returns
        -------
        Runner
            The cached or new runner.

        Raises
        ------
        ConfigError
            If there is no such setting, or its value is wrong.
        """
        check_names(kind, settings)
        key = f"{of} {sorted(settings.items())!r}"
        if key not in self._kept:
            while len(self._kept) >= SIZE:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = make(kind(**settings))
        return self._kept[key]


def check_names(kind: type, settings: Collection[str]) -> None:
    """Check the names of settings.

    Parameters
    ----------
    kind
        Dataclass of the settings.
    settings
        Names.

    Raises
    ------
    ConfigError
        If there is no such setting.
    """
    known = [field.name for field in dataclasses.fields(kind)]
    for name in settings:
        if name not in known:
            raise ConfigError(f"unknown setting {name!r}; the settings are {', '.join(known)}")
