"""Shards: equal parts of a list of files, each for one machine."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Shard", "list_id"]

Unit = TypeVar("Unit")


@dataclass(frozen=True, order=True)
class Shard:
    """One of several equal parts of a list.

    The part of a file follows from the names in the list.  It depends neither on their order nor on the
    machine.

    Attributes
    ----------
    number
        Number of the part, from 1.
    count
        Number of parts.
    """

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``K/N``.

        Parameters
        ----------
        text
            Number of the shard and number of shards, as ``3/10``.

        Returns
        -------
        Shard
            The shard.

        Raises
        ------
        ConfigError
            If it is no such pair, or K is not from 1 to N.

        Examples
        --------
        >>> Shard.parse("3/10")
        Shard(number=3, count=10)
        """
        match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text, re.ASCII)
        if match is None:
            raise ConfigError(f"--shard {text}: expected K/N with K from 1 to N, as 3/10")
        number, count = int(match[1]), int(match[2])
        if not 1 <= number <= count:
            raise ConfigError(
                f"--shard {text}: there is no shard {number} of {count}; K is from 1 to {count}"
            )
        return cls(number, count)

    def __str__(self) -> str:
        """Return the form that :meth:`parse` reads."""
        return f"{self.number}/{self.count}"

    @property
    def stem(self) -> str:
        """Name of the shard in file names; names sort by number."""
        width = max(4, len(str(self.count)))
        return f"shard-{self.number:0{width}d}-of-{self.count:0{width}d}"

    def of(self, units: Iterable[Unit]) -> list[Unit]:
        """Return the units of this shard.

        The units are sorted by the SHA-256 of their names and dealt in turn.  So shards differ by one unit at
        most in size, and the files of one exposure or night spread over all.

        Parameters
        ----------
        units
            The whole list; names are made by ``str``.

        Returns
        -------
        list
            The units of the shard, in the order of the list.
        """
        whole = list(units)
        if self.count == 1:
            return whole
        ranked = sorted(range(len(whole)), key=lambda index: _digest(whole[index]))
        return [whole[index] for index in sorted(ranked[self.number - 1 :: self.count])]


def list_id(units: Sequence[object]) -> str:
    """Return an identifier of the content of a list, which does not depend on its order.

    Parameters
    ----------
    units
        The whole list; names are made by ``str``.

    Returns
    -------
    str
        16 hexadecimal digits.

    Examples
    --------
    >>> list_id(["a.fits", "b.fits"]) == list_id(["b.fits", "a.fits"])
    True
    """
    whole = hashlib.sha256()
    for digest in sorted(map(_digest, units)):
        whole.update(digest)
    return whole.hexdigest()[:16]


def _digest(unit: object) -> bytes:
    return hashlib.sha256(str(unit).encode(errors="surrogateescape")).digest()
