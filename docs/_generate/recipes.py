"""Print the page of the recipes: ``python docs/_generate/recipes.py > docs/recipes.md``."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, Field, fields, is_dataclass
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from skysieve.core.training.recipe import TrainingRecipe
from skysieve.frames.simulate.camera import Camera
from skysieve.frames.simulate.cameras import Cameras
from skysieve.frames.simulate.recipe import Recipe, read_recipe, shipped_recipes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

EXAMPLE = "decam"

INTRODUCTION = """\
# Recipes

<!-- Printed by `python docs/_generate/recipes.py` from the settings and their descriptions: do not edit. -->

A recipe is a YAML file of settings. Settings that it does not contain have the defaults listed here. An
unknown setting, or an invalid value, is an error that names the setting. `[low, high]` is a range from which
a value is drawn for each frame; two equal numbers fix the value. [Simulation](simulation.md) describes how to
write a recipe for your own camera, and [Training](training.md) how to train with it.
"""

SHIPPED = """
## Recipes of frames that come with Skysieve

These recipes are in `src/skysieve/frames/simulate/recipes`, with their sources in comments. `default` spans
cameras of all kinds. The networks in the package were trained on it.
"""

ONE = """
This is the complete recipe `{name}`:
"""

TRAINING = """
## Settings of a training

The recipe of a training sets the network, the recipe of its frames, and the training parameters. The recipes
in the package are in `src/skysieve/core/training/recipes`:
"""


def render() -> str:
    """Return the page."""
    shipped = shipped_recipes()
    parts = [
        INTRODUCTION,
        "\n## Settings of frames\n",
        *_group(Recipe, ""),
        SHIPPED,
        _table(
            ("recipe", "frames of"),
            [(f"`{name}`", read_recipe(name).description) for name in sorted(shipped)],
        ),
        ONE.format(name=EXAMPLE),
        _quoted(shipped[EXAMPLE]),
        TRAINING,
    ]
    folder = Path(str(files("skysieve.core.training"))) / "recipes"
    for path in sorted(folder.glob("*.yaml"), key=lambda path: path.stem):
        parts += [f"\n`{path.stem}`:\n", _quoted(path)]
    return "\n".join(part.strip("\n") + "\n" for part in [*parts, *_group(TrainingRecipe, "")])


def _group(kind: type, place: str) -> Iterator[str]:
    """Yield the sections of a dataclass of settings, then of those within it."""
    meanings, kinds = _meanings(kind), get_type_hints(kind)
    inner = [f for f in fields(kind) if is_dataclass(kinds[f.name])]
    plain = [f for f in fields(kind) if f not in inner]
    if plain:
        title = f"### `{place}`\n\n{_summary(kind)}\n" if place else ""
        yield title + _table(("setting", "default", "meaning"), _rows(plain, meanings))
    for f in inner:
        yield from _group(kinds[f.name], f"{place}.{f.name}" if place else f.name)


def _rows(settings: Sequence[Field[Any]], meanings: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield a row for each meaning, with the settings that share it."""
    for meaning, group in groupby(settings, key=lambda f: meanings[f.name]):
        together = list(group)
        names = ", ".join(f"`{f.name}`" for f in together)
        yield names, ", ".join(filter(None, map(_default, together))), meaning


def _summary(kind: type) -> str:
    return _marked_up(inspect.getdoc(kind).partition("\n\n")[0])  # type: ignore[union-attr]


def _meanings(kind: type) -> dict[str, str]:
    """Return what the docstring of a dataclass says of each field; of cameras, also what that of one says."""
    text = inspect.getdoc(kind) or ""
    section = text.partition("\nAttributes\n----------\n")[2]
    section = re.split(r"\n\w+\n-+\n", section)[0]
    found: dict[str, str] = {}
    for names, description in re.findall(r"^(\S.*)\n((?:(?:    .*)?(?:\n|$))*)", section, re.MULTILINE):
        for name in names.split(","):
            found[name.strip()] = _marked_up(" ".join(description.split()))
    if kind is Cameras:
        found = {**_meanings(Camera), **found}
    return {f.name: found.get(f.name, "") for f in fields(kind)}


def _marked_up(text: str) -> str:
    """Return a docstring's text as Markdown."""
    text = re.sub(
        r":\w+:`~?([^`]*)`", lambda match: f"`{match[1].rpartition('.')[2]}`", " ".join(text.split())
    )
    return text.replace("``", "`").replace("|", "\\|")


def _default(f: Field[Any]) -> str:
    value = f.default if f.default is not MISSING else None
    return "" if value is None or value == "" else f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    """Return a value as a recipe has it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_plain, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _quoted(path: Path) -> str:
    return f"```yaml\n{path.read_text(encoding='utf-8').strip()}\n```\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n" + "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    print(render(), end="")
