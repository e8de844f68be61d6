"""Dataclasses of settings to and from YAML, with one line for what is wrong."""

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
    """Read a YAML file of settings, and return it with its path for messages.

    Parameters
    ----------
    name
        A file, or the name of one that comes with the package.
    shipped
        Those, by name.

    Raises
    ------
    ConfigError
        If there is no such file, or it holds no mapping of settings.
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
    # A training's own recipe.yaml has a second part, what its simulation was
    content = next(iter(parse_yaml(text, origin=str(path), error=ConfigError, what="a recipe")), None)
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: a recipe is a mapping of settings, found {type(content).__name__}")
    content.setdefault("name", path.stem)
    return content, str(path)


def build(kind: type[Settings], content: Mapping[str, Any], *, origin: str) -> Settings:
    """Return the settings that a mapping gives; what it leaves out keeps its default.

    Parameters
    ----------
    kind
        A dataclass, whose fields may be dataclasses.
    content
        Values by name of field.
    origin
        Names the file in messages.

    Raises
    ------
    ConfigError
        If a setting is unknown, missing, or has no valid value.
    """
    from pydantic import TypeAdapter, ValidationError

    _refuse_unknown(kind, content, origin=origin, place="")
    try:
        return TypeAdapter(kind).validate_python(dict(content))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        found = "" if first["type"] == "missing" else f", found {first['input']!r:.200}"
        raise ConfigError(f"{origin}: {place}: {first['msg']}{found}") from error


def plain_yaml(settings: Mapping[str, Any]) -> str:
    """Return settings as YAML, in their order."""
    import yaml

    text: str = yaml.safe_dump(_plain(settings), sort_keys=False, default_flow_style=None, width=100)
    return text


def _refuse_unknown(kind: type, content: Mapping[str, Any], *, origin: str, place: str) -> None:
    """Raise ConfigError if a mapping, or one in it, has a key that is no field of the dataclass."""
    known = get_type_hints(kind)
    for key, value in content.items():
        if key not in known:
            raise ConfigError(f"{origin}: unknown setting {place}{key!s:.80}; choose from {', '.join(known)}")
        inner = known[key]
        if isinstance(inner, type) and is_dataclass(inner) and isinstance(value, dict):
            _refuse_unknown(inner, value, origin=origin, place=f"{place}{key}.")


def _plain(value: Any) -> Any:
    """Return lists for tuples, which safe YAML does not know."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
