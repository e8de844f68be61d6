"""Safe reading of untrusted text, JSON and YAML files, with limits on size, nesting and number of values.

An untrusted file may be a named pipe that never ends, a list nested a million times, or ten lines of YAML
aliases that expand to a billion values.  Each is refused before it uses much memory or time.
"""

from __future__ import annotations

import json
import math
import os
import stat
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from skysieve.core.errors import SkysieveError

__all__ = ["MAX_BYTES", "parse_json", "parse_yaml", "read_bytes", "read_text"]

MAX_BYTES = 2**20
"""Default size limit of a file: a thousand times a typical one."""

MAX_YAML_BYTES = 2**18
"""Size limit of a YAML text, which is parsed at about ten thousand bytes a second."""

MAX_DEPTH = 64
"""Maximum nesting of lists and mappings."""

MAX_VALUES = 200_000
"""Maximum number of values in a YAML file, counting each repetition by an alias."""

_MAX_DIGITS = 100


def read_bytes(path: Path, *, error: type[SkysieveError], limit: int = MAX_BYTES) -> bytes:
    """Return the content of a regular file.

    Parameters
    ----------
    path
        The file; links are followed.
    error
        Type of error to raise.
    limit
        Maximum size in bytes.

    Returns
    -------
    bytes
        The whole content.

    Raises
    ------
    OSError
        If it cannot be opened or read.
    SkysieveError
        Of the type `error`, if it is a folder, a named pipe or a device, or too large.
    """
    # Without O_NONBLOCK, opening a named pipe without a writer would block for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise error(f"{path}: is {_kind(status.st_mode)}, not a regular file; give a file")
        with open(descriptor, "rb", closefd=False) as stream:
            content = stream.read(limit + 1)
    finally:
        os.close(descriptor)
    if len(content) > limit:
        raise error(
            f"{path}: has {max(status.st_size, limit + 1)} bytes, more than the {limit} that such a file may"
            " have; is it the right one?"
        )
    return content


def read_text(path: Path, *, error: type[SkysieveError], limit: int = MAX_BYTES) -> str:
    """Return the content of a regular file as UTF-8 text, without a byte-order mark.

    Parameters
    ----------
    path, error, limit
        See :func:`read_bytes`.

    Returns
    -------
    str
        The whole text.

    Raises
    ------
    OSError, UnicodeDecodeError
        If it cannot be opened or read, or is not UTF-8.
    SkysieveError
        See :func:`read_bytes`.
    """
    return read_bytes(path, error=error, limit=limit).decode("utf-8-sig")


def parse_json(text: str, *, origin: str, error: type[SkysieveError], finite: bool = True) -> Any:
    """Return the value of a JSON text.

    Parameters
    ----------
    text
        The text.
    origin
        Name of the file in messages.
    error
        Type of error to raise.
    finite
        Whether to refuse NaN and infinite numbers, which Python writes but JSON does not allow.

    Returns
    -------
    object
        Value as of :func:`json.loads`.

    Raises
    ------
    SkysieveError
        Of the type `error`, if it is not JSON, or has refused numbers or more than :data:`MAX_DEPTH` levels.
    """
    try:
        checks: dict[str, Any] = {"parse_constant": _refuse, "parse_float": _finite} if finite else {}
        document = json.loads(text, **checks)
    except RecursionError as cause:
        raise error(f"{origin}: is no JSON: it is nested too deep") from cause
    except ValueError as cause:
        raise error(f"{origin}: is no JSON: {' '.join(str(cause).split())[:200]}") from cause
    _check_depth(document, origin, error)
    return document


def parse_yaml(text: str, *, origin: str, error: type[SkysieveError], what: str = "YAML") -> list[Any]:
    """Return the documents of a YAML text.

    Aliases may repeat values up to the limit; merge keys (``<<``) are refused.

    Parameters
    ----------
    text
        The text.
    origin
        Name of the file in messages.
    error
        Type of error to raise.
    what
        Expected kind of content, for messages.

    Returns
    -------
    list
        One value for each document.

    Raises
    ------
    SkysieveError
        Of the type `error`, if it is not YAML, has a merge key, or has more than :data:`MAX_DEPTH` levels,
        :data:`MAX_VALUES` values or :data:`MAX_YAML_BYTES` characters.
    """
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Safe loader with limits on nesting and on the length of numbers."""

        def flatten_mapping(self, node: Any) -> None:
            if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
                raise yaml.YAMLError("merge keys (<<) are not read; write the values out")
            super().flatten_mapping(node)

        def fetch_flow_collection_start(self, token: Any) -> None:
            if self.flow_level > MAX_DEPTH:
                raise yaml.YAMLError(f"it is nested more than {MAX_DEPTH} levels deep")
            super().fetch_flow_collection_start(token)

        def construct_number(self, node: Any) -> Any:
            if len(node.value) > _MAX_DIGITS:
                raise yaml.YAMLError(f"a number has {len(node.value)} digits")
            whole = node.tag == "tag:yaml.org,2002:int"
            return self.construct_yaml_int(node) if whole else self.construct_yaml_float(node)

    for kind in ("int", "float"):
        Loader.add_constructor(f"tag:yaml.org,2002:{kind}", Loader.construct_number)
    if len(text) > MAX_YAML_BYTES:
        raise error(f"{origin}: has more than {MAX_YAML_BYTES} characters; is it the right file?")
    try:
        documents = list(yaml.load_all(text, Loader))
    except RecursionError as cause:
        raise error(f"{origin}: is nested too deep") from cause
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as cause:
        raise error(f"{origin}: cannot be read as {what} ({' '.join(str(cause).split())[:200]})") from cause
    _check_depth(documents, origin, error, max_values=MAX_VALUES)
    return documents


def _check_depth(
    document: object, origin: str, error: type[SkysieveError], *, max_values: int | None = None
) -> None:
    """Check the nesting of lists and mappings, and the number of values if it is limited."""
    level = [document] if isinstance(document, dict | list) else []
    depth = values = 0
    while level:
        deeper: list[Any] = []
        for container in level:
            members: Iterable[Any] = container.values() if isinstance(container, dict) else container
            found = [member for member in members if isinstance(member, dict | list | tuple | set)]
            values += len(container)
            if max_values is not None and values > max_values:
                raise error(f"{origin}: stands for more than {max_values} values; is it the right file?")
            deeper += found
        level, depth = deeper, depth + 1
        if depth > MAX_DEPTH:
            raise error(f"{origin}: is nested more than {MAX_DEPTH} levels deep; is it the right file?")


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    return "a device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "a socket or the like"


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:_MAX_DIGITS]} is beyond any number")
    return number
