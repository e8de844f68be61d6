"""Make options of a command from the fields of settings dataclasses: see :mod:`skysieve.core.settings`."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import sys
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from skysieve.cli.options import Debugging
from skysieve.core.settings import option_help, options_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from skysieve.core.settings import Option

__all__ = ["Given", "takes_settings"]


class Given(frozenset[str]):
    """Names of the settings whose options were given on the command line."""


def takes_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Replace each parameter that is a settings dataclass by one option per field, and add ``--debug``.

    Parameters
    ----------
    command
        The function of a command. A parameter annotated with a dataclass gets an instance, built from the
        options of its fields. A parameter annotated with :class:`Given` gets the names of the given options.

    Returns
    -------
    callable
        The function in the form that typer needs: one parameter per option.

    Raises
    ------
    TypeError
        If two parameters would have the same name.
    """
    hints = get_type_hints(command, include_extras=True)
    parameters: list[inspect.Parameter] = []
    kinds: dict[str, type] = {}
    given: list[str] = []
    for parameter in inspect.signature(command).parameters.values():
        kind = hints[parameter.name]
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            kinds[parameter.name] = kind
            parameters += _parameters(kind)
        elif kind is Given:
            given.append(parameter.name)
        else:
            parameters.append(parameter.replace(annotation=kind))
    names = [parameter.name for parameter in parameters]
    if "debug" not in names:  # `main` reads it
        parameters += _parameters(Debugging)
    if twice := {name for name in names if names.count(name) > 1}:
        raise TypeError(f"{command.__name__}: parameters of one name: {', '.join(sorted(twice))}")

    @wraps(command)
    def run(**values: Any) -> None:
        passed: dict[str, Any] = {}
        seen: set[str] = set()
        for name, kind in kinds.items():
            own = {field.name: _read(option, values.pop(field.name)) for field, option in options_of(kind)}
            own = {field: value for field, value in own.items() if value is not None}
            seen |= own.keys()
            passed[name] = kind(**own)
        if "debug" not in names:
            del values["debug"]
        command(**values, **passed, **dict.fromkeys(given, Given(seen)))

    del run.__wrapped__  # typer would read the signature of the wrapped function
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _read(option: Option, value: Any) -> Any:
    """Return the value of a field; None if the option was not given."""
    if isinstance(value, list):
        value = [each.value if isinstance(each, enum.Enum) else each for each in value]
    if option.read is None:
        return value
    return None if value is None or value == [] else option.read(value)


def _hint(kind: type, name: str) -> Any:
    """Evaluate the annotation of one field: types of other fields may not be importable."""
    owner = next(each for each in kind.__mro__ if name in inspect.get_annotations(each))
    text = inspect.get_annotations(owner)[name]
    return eval(text, vars(sys.modules[owner.__module__]))  # noqa: S307 (our own source)


def _parameters(kind: type) -> list[inspect.Parameter]:
    hints = {field.name: _hint(kind, field.name) for field, _ in options_of(kind)}
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_default(field, option),
            annotation=Annotated[
                _text_type(hints[field.name], field, option),
                _typer_option(kind, field, option, hints[field.name]),
            ],
        )
        for field, option in options_of(kind)
    ]


def _default(field: dataclasses.Field[Any], option: Option) -> Any:
    """Return the default of an option: None if the help does not show it, empty if it must be given."""
    if field.default is field.default_factory is dataclasses.MISSING:
        return inspect.Parameter.empty
    if option.hidden_default or option.read is not None:
        return option.shown
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _text_type(hint: Any, field: dataclasses.Field[Any], option: Option) -> Any:
    """Return the type of an option; it includes None if that is the default."""
    kind = option.text_type or (Literal[option.choices] if option.choices else hint)
    if get_origin(kind) is list and get_origin(get_args(kind)[0]) is Literal:
        # typer accepts no literals for options that may be repeated
        choices = {choice: choice for choice in get_args(get_args(kind)[0])}
        kind = list[enum.StrEnum(field.name, choices)]  # type: ignore[misc]
    return kind | None if _default(field, option) is None else kind


def _typer_option(kind: type, field: dataclasses.Field[Any], option: Option, hint: Any) -> Any:
    name = f"--{field.name.replace('_', '-')}"
    if not option.flags and hint is bool and field.default is True:
        name = f"{name}/--no-{name[2:]}"
    bounds: dict[str, Any] = {
        bound: int(value) if hint in {int, int | None} else value
        for bound, value in (("min", option.minimum), ("max", option.maximum))
        if value is not None
    }
    shown = _default(field, option) is not None
    if option.argument:
        return typer.Argument(
            help=option_help(kind, field.name), metavar=option.metavar, show_default=shown, **bounds
        )
    return typer.Option(
        *(option.flags or (name,)),
        help=option_help(kind, field.name),
        metavar=option.metavar,
        rich_help_panel=option.panel,
        show_default=shown,
        **bounds,
    )
