"""Conversion between settings dataclasses and YAML, with one-line errors."""

from __future__ import annotations

from dataclasses import is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from skysieve.core.documents import parse_yaml, read_text
from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["build", "plain_yaml", "read_mapping"]

Settings = TypeVar("Settings")


def read_mapping(name: str | Path, shipped: Mapping[str, Path]) -> tuple[dict[str, Any], str]:
    """Read a YAML file of settings.

    Parameters
    ----------
    name
        A file, or the name of a recipe that comes with the package.
    shipped
        Files that come with the package, by name.

    Returns
    -------
    content
        Settings by name; ``name`` defaults to the stem of the file.
    origin
        Path of the file, for messages.

    Raises
    ------
    ConfigError
        If there is no such file, or it is not a mapping of settings.
    """
    path = shipped.get(str(name), Path(name))
    try:
        text = read_text(path, error=ConfigError)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{name}: no such recipe; give a YAML file or one of {', '.join(shipped)}"
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as a recipe ({' '.join(str(error).split())})") from error
    # The recipe.yaml of a training has a second document with its simulation
    content = next(iter(parse_yaml(text, origin=str(path), error=ConfigError, what="a recipe")), None)
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: a recipe is a mapping of settings, found {type(content).__name__}")
    content.setdefault("name", path.stem)
    return content, str(path)


def build(kind: type[Settings], content: Mapping[str, object], *, origin: str) -> Settings:
    """Return a dataclass with the values of a mapping; other fields keep their defaults.

    Parameters
    ----------
    kind
        A dataclass; its fields may be dataclasses.
    content
        Values by name of field.
    origin
        Name of the file in messages.

    Returns
    -------
    Settings
        Validated instance of `kind`.

    Raises
    ------
    ConfigError
        If a setting is unknown, missing or invalid.
    """
    from pydantic import TypeAdapter, ValidationError

    _refuse_unknown(kind, content, origin=origin, prefix="")
    try:
        return TypeAdapter(kind).validate_python(dict(content))
    except ValidationError as error:
        first = error.errors()[0]
        location = ".".join(str(part) for part in first["loc"])
        found = "" if first["type"] == "missing" else f", found {first['input']!r:.200}"
        raise ConfigError(f"{origin}: {location}: {first['msg']}{found}") from error


def plain_yaml(settings: Mapping[str, object]) -> str:
    """Return settings as YAML.

    Parameters
    ----------
    settings
        Values by name; tuples are written as lists.

    Returns
    -------
    str
        YAML text in the order of the settings.
    """
    import yaml

    text: str = yaml.safe_dump(_plain(settings), sort_keys=False, default_flow_style=None, width=100)
    return text


def _refuse_unknown(kind: type, content: Mapping[str, object], *, origin: str, prefix: str) -> None:
    """Raise ConfigError if a mapping, or one in it, has a key that is not a field of the dataclass."""
    known = get_type_hints(kind)
    for key, value in content.items():
        if key not in known:
            raise ConfigError(
                f"{origin}: unknown setting {prefix}{key!s:.80}; choose from {', '.join(known)}"
            )
        inner = known[key]
        if isinstance(inner, type) and is_dataclass(inner) and isinstance(value, dict):
            _refuse_unknown(inner, value, origin=origin, prefix=f"{prefix}{key}.")


def _plain(value: object) -> object:
    """Convert tuples to lists, since safe YAML has no tuples."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
