"""Print the page of the classes: ``python docs/_generate/classes.py > docs/classes.md``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skysieve.core.models.packaged import packaged_models
from skysieve.frames.mask.bitmaps import SURVEYS, read_bit_map
from skysieve.frames.mask.classes import CLASSES, NODATA
from skysieve.frames.mask.model import CONTAMINANTS, MAXIMASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from skysieve.core.models.card import ModelCard
    from skysieve.frames.mask.bitmaps import BitMap

INTRODUCTION = """\
# Classes

<!-- Printed by `python docs/_generate/classes.py` from the registry of classes: do not edit. -->

A pixel may belong to several classes, or to none. In a bit mask each class has one bit. The codes are those
of MaxiMask's single masks. The background `BG` has no bit: a pixel without any other class is 0.
"""

AFTER_CODES = """
*Bad* pixels are contaminants and pixels without data. The default excludes the light of stars and galaxies,
nebulosity and residual fringes, because these cover large parts of a frame that contain good sources. You can
[choose other classes](masking.md#bad-pixels). [`MaskResult.bad`](python.md#bad-pixels), the mask of a
`CCDData` and the card `BADBITS` of a mask use this definition. Older configuration files use the name
{aliases} for TRL.

## Priors and thresholds

The *training prior* is the fraction of training pixels in the class. The *default prior* is the fraction
expected in a typical frame. Probabilities are corrected from the training prior to the default prior. A pixel
belongs to a class if its corrected probability is above the *threshold*. [Masking](masking.md#decisions)
describes how to change both, and [How it works](how-it-works.md#decide) gives the formula. The card of each
[model](models.md) has its own values.
"""

OF_MODEL = """
### Model `{name}`
"""

OURS = """
Training priors and thresholds are measured at the end of the [training](training.md#the-card).
"""

PUBLISHED = """
Source: Paillassa, Bertin & Bouy 2020, A&A 634, A48; values of MaxiMask 1.3.0.
"""

SURVEY_VALUES = """
## In other surveys' masks

`skysieve mask --bits NAME` writes these values instead. Bits are combined with OR. With codes, a pixel gets
the code of the first of its classes in the list of the survey. Classes without a value are left out. If the
bits have names, the header lists them. Rubin's bits (`lsst`) are identified by name, because their numbers
differ between masks; [`--bits-from`](masking.md#other-surveys-values) uses the numbers of an existing mask.
"""


def render() -> str:
    """Return the page."""
    aliases = ", ".join(alias for c in CLASSES for alias in c.aliases)
    codes = [
        (f"`{c.name}`", c.description, c.code or "–", _bit(c.code), "yes" if c.is_bad else "no")
        for c in (*CLASSES, NODATA)
    ]
    ours = [model.card for model in packaged_models() if model.card.job == CONTAMINANTS.name]
    maps = {name: read_bit_map(name) for name in SURVEYS}
    values = [
        (f"`{c.name}`", *(_value(bit_map, c.name) for bit_map in maps.values())) for c in (*CLASSES, NODATA)
    ]
    heads = [f"`{name}` ({bit_map.kind})" for name, bit_map in maps.items()]
    orders = [
        f"Order of the codes of `{name}`: {', '.join(bit_map.values)}."
        for name, bit_map in maps.items()
        if bit_map.kind == "codes"
    ]
    parts = [
        INTRODUCTION,
        _table(("class", "meaning", "code", "bit", "bad"), codes),
        AFTER_CODES.format(aliases=aliases),
        *(part for card in ours for part in (OF_MODEL.format(name=card.name), _numbers(card), OURS)),
        OF_MODEL.format(name=MAXIMASK.card.name),
        _numbers(MAXIMASK.card),
        PUBLISHED,
        SURVEY_VALUES,
        _table(("class", *heads), values),
        "\n" + "\n".join(orders) + "\n",
    ]
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def _value(bit_map: BitMap, name: str) -> str:
    """Return the value of a class in another survey's masks, and the names of its bits."""
    if name not in bit_map.values:
        return "–"
    return " ".join([str(bit_map.values[name]), *bit_map.names.get(name, ())])


def _numbers(card: ModelCard) -> str:
    """Return the table of a model's priors and thresholds."""
    rows = [
        (
            f"`{name}`",
            f"{card.training_priors[name]:.3g}",
            _plain(card.default_priors[name]),
            f"{card.default_thresholds[name]:g}",
        )
        for name in card.classes
    ]
    return _table(("class", "training prior", "default prior", "default threshold"), rows)


def _bit(code: int) -> str:
    return str(code.bit_length() - 1) if code else "–"


def _plain(number: float) -> str:
    """Return a small number without an exponent, as people write proportions."""
    return f"{number:.10f}".rstrip("0")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n" + "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    print(render(), end="")
