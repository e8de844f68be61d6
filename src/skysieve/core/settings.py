"""Settings: fields of dataclasses from which the options of the command line are made.

A setting stands in one place.  Its name, type and default are those of the field, its help is its entry under
``Attributes`` in the docstring of the class, and :func:`setting` adds what the command line needs besides:
other names of the option, bounds, and how text becomes a value.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from skysieve.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "REQUIRED",
    "Option",
    "check_bounds",
    "option_help",
    "options_of",
    "read_assignments",
    "read_names",
    "setting",
]

T = TypeVar("T")

REQUIRED: Any = dataclasses.MISSING
"""Default of a setting that has none."""

KEY = "skysieve option"
"""Key of an :class:`Option` in the metadata of a field."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """What the command line needs to know of a setting, besides its field.

    Attributes
    ----------
    argument
        Whether the value has no name on the command line, and is known by its position.
    flags
        Names of the option, as ``("-o", "--output")``; by default the name of the field.
    metavar
        What stands for the value in the help.
    panel
        Heading under which the help lists the option.
    choices
        The values of a text, if they are known only when the program runs.
    minimum, maximum
        Bounds of a number, both included.
    text_bounds
        Whether the bounds hold for the command line only.
    hidden_default
        Whether the help does not show the default.
    shown
        Text of the default in the help, if a value is read from text.
    text_type
        Type of the value on the command line, if it is not that of the field.
    read
        Makes the value of the field from that of the command line.
    """

    argument: bool = False
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    panel: str | None = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    text_bounds: bool = False
    hidden_default: bool = False
    shown: str | None = None
    text_type: Any = None
    read: Callable[[Any], Any] | None = None


def setting(default: T, *flags: str, factory: Callable[[], T] | None = None, **option: Any) -> T:
    """Return a field of a dataclass that is an option of the command line too.

    Parameters
    ----------
    default
        Value of the field, if there is no factory; :data:`REQUIRED` if it must be given.
    *flags
        Names of the option; by default the name of the field.
    factory
        Makes the value of the field, if that can be changed in place.
    **option
        See :class:`Option`.

    Returns
    -------
    field
        For the body of a dataclass; declared as a value, so that type checkers compare it with the
        annotation.

    Examples
    --------
    >>> @dataclass
    ... class Settings:
    ...     '''Settings of an example.
    ...
    ...     Attributes
    ...     ----------
    ...     views
    ...         Number of rotations and reflections.
    ...     '''
    ...
    ...     views: int = setting(1, minimum=1)
    >>> Settings()
    Settings(views=1)
    >>> [(field.name, option_help(Settings, field.name)) for field, _ in options_of(Settings)]
    [('views', 'Number of rotations and reflections.')]
    """
    metadata = {KEY: Option(flags=flags, **option)}
    field: Any = (
        dataclasses.field(default=default, metadata=metadata)
        if factory is None
        else dataclasses.field(default_factory=factory, metadata=metadata)
    )
    return field  # type: ignore[no-any-return]


def options_of(kind: type) -> Iterator[tuple[dataclasses.Field[Any], Option]]:
    """Yield the fields of a dataclass that are options, in their order.

    Parameters
    ----------
    kind
        The dataclass.

    Yields
    ------
    tuple
        The field, and what the command line needs to know of it.
    """
    for field in dataclasses.fields(kind):
        if KEY in field.metadata:
            yield field, field.metadata[KEY]


def option_help(kind: type, name: str) -> str:
    """Return the help of a setting: its entry under ``Attributes`` in the docstring of its class.

    Parameters
    ----------
    kind
        The dataclass.  Its base classes are searched too.
    name
        Name of the field.

    Returns
    -------
    str
        The help, on one line.

    Raises
    ------
    LookupError
        If no docstring has an entry for it.
    """
    for each in kind.__mro__:
        text = _attributes(each).get(name)
        if text is not None:
            return text
    raise LookupError(f"{kind.__name__}.{name} has no entry under Attributes")


def _attributes(kind: type) -> dict[str, str]:
    """Return the entries under ``Attributes`` of a class's own docstring, by name, each on one line."""
    doc = inspect.cleandoc(kind.__doc__ or "")
    _, found, section = doc.partition("Attributes\n----------\n")
    if not found:
        return {}
    section = re.split(r"\n\n?\w+\n---", section)[0]
    entries: dict[str, str] = {}
    for match in re.finditer(r"^(\w[\w, ]*)\n((?:[ ]+.*\n?|\n)+)", section, re.MULTILINE):
        text = " ".join(match[2].split()).replace("``", "`")
        entries.update(dict.fromkeys(match[1].split(", "), text))
    return entries


def check_bounds(settings: object) -> None:
    """Compare the numbers of settings with their bounds.

    Parameters
    ----------
    settings
        A dataclass with options.

    Raises
    ------
    ConfigError
        If a number is out of bounds.

    Examples
    --------
    >>> @dataclass
    ... class Settings:
    ...     views: int = setting(1, minimum=1)
    >>> check_bounds(Settings(views=0))
    Traceback (most recent call last):
    skysieve.core.errors.ConfigError: views 0: expected at least 1
    """
    for field, option in options_of(type(settings)):
        value = getattr(settings, field.name)
        unbounded = option.text_bounds or (option.minimum is None and option.maximum is None)
        if unbounded or not isinstance(value, int | float):
            continue
        low = -float("inf") if option.minimum is None else option.minimum
        high = float("inf") if option.maximum is None else option.maximum
        if not low <= value <= high:
            if option.minimum is None:
                expected = f"at most {high:g}"
            elif option.maximum is None:
                expected = f"at least {low:g}"
            else:
                expected = f"from {low:g} to {high:g}"
            raise ConfigError(f"{field.name.replace('_', ' ')} {value}: expected {expected}")


def read_assignments(option: str, texts: list[str]) -> dict[str, float]:
    """Read values of an option that have the form ``NAME=VALUE``.

    Parameters
    ----------
    option
        Name of the option, for messages.
    texts
        Its values.

    Returns
    -------
    dict
        Numbers by name.

    Raises
    ------
    ConfigError
        If one has another form.

    Examples
    --------
    >>> read_assignments("--prior", ["CR=5e-4"])
    {'CR': 0.0005}
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            values[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals or not name.strip():
            raise ConfigError(f"{option} {text!r}: expected NAME=VALUE with a number, as CR=5e-4")
    return values


def read_names(text: str) -> tuple[str, ...]:
    """Return names that are separated by commas.

    Parameters
    ----------
    text
        The names; spaces around them, and empty ones, do not count.

    Returns
    -------
    tuple of str
        The names.

    Examples
    --------
    >>> read_names("CR, TRL")
    ('CR', 'TRL')
    """
    return tuple(name.strip() for name in text.split(",") if name.strip())
