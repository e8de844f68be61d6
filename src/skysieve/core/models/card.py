"""Model cards: all that the runtime must know to use a graph rightly."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from annotated_types import Interval, Len

from skysieve.core.documents import parse_json, read_bytes, read_text
from skysieve.core.errors import ModelError
from skysieve.core.models.graph_ends import check_ends
from skysieve.core.models.onnx_file import check_onnx, graph_ends

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import TypeAdapter

__all__ = ["CARD_FILE", "EngineName", "GraphFile", "Model", "ModelCard", "Tiling", "read_model"]

CARD_FILE = "card.json"
CARD_VERSION = 1
LARGEST_GRAPH = 2**31
"""Bytes of the largest graph: no ONNX file can have more."""
REPAIR = "import the model again"

_STRICT: dict[str, Any] = {"strict": True, "extra": "forbid", "allow_inf_nan": False}
"""How pydantic checks cards: a text is no number, nothing is unknown, nothing is NaN."""

EngineName: TypeAlias = Literal["openvino", "onnxruntime"]
"""An engine that runs graphs."""

_Name: TypeAlias = Annotated[str, Len(1, 200)]
_Text: TypeAlias = Annotated[str, Len(0, 4000)]
_ClassName: TypeAlias = Annotated[str, Len(1, 40)]
_Side: TypeAlias = Annotated[int, Interval(ge=1, le=2**14)]
_Positive: TypeAlias = Annotated[int, Interval(ge=1, le=10**6)]
_Prior: TypeAlias = Annotated[float, Interval(gt=0, lt=1)]
_Part: TypeAlias = Annotated[float, Interval(ge=0, le=1)]

_Quantiles: TypeAlias = Annotated[list[float], Len(5, 5)]

_FILE_NAME = re.compile(r"[^/\\:\0]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class GraphFile:
    """One ONNX graph of a model.

    Attributes
    ----------
    file
        Name beside the card.
    sha256
        Checksum of its bytes, in hexadecimal.
    engines
        Engines that run this form of the graph.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    file: _Name
    sha256: str
    engines: Annotated[tuple[EngineName, ...], Len(1, 8)]


@dataclass(frozen=True)
class Tiling:
    """How a graph wants its pixels.

    Attributes
    ----------
    multiple, remainder
        Sides of a tile are ``remainder + k * multiple`` pixels.
    minimum
        Least side of the tiles that cover a larger frame.
    margin
        Pixels at a tile's border that the network sees too little of.
    fixed_size
        Side of the only tile that the network takes; 0 if others do too.
    bytes_per_pixel
        Memory that a call needs for each pixel, by precision.
    memory
        Memory of a call, in MB, beyond which larger tiles gain little; it bounds tiles unless the user gives
        another bound.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    multiple: _Side
    remainder: Annotated[int, Interval(ge=0, lt=2**14)]
    minimum: _Side
    margin: Annotated[int, Interval(ge=0, le=2**12)]
    fixed_size: Annotated[int, Interval(ge=0, le=2**14)] = 0
    bytes_per_pixel: Mapping[Literal["f32", "bf16"], _Positive] = field(default_factory=dict)
    memory: _Positive = 830

    def bytes_of_pixel(self, precision: str) -> int:
        """Return the memory that a call needs for each pixel, that of the other precision if need be.

        Raises
        ------
        ModelError
            If the card does not state it.
        """
        stated = {str(name): needed for name, needed in self.bytes_per_pixel.items()}
        if not stated:
            raise ModelError("the card of the model states no bytes_per_pixel, so that tiles cannot be sized")
        return stated.get(precision, max(stated.values()))


@dataclass(frozen=True)
class ModelCard:
    """What a model is and how it is used.

    Attributes
    ----------
    name, job, version, description, licence, reference, source
        What it is, for which of the jobs, and where it comes from.
    normalisation
        Name of the normalisation of its input.
    classes
        Names of its outputs, in order.
    tiling
        Size of its input.
    training_priors, default_priors, default_thresholds
        By class name.
    graphs
        Its graphs; the first that an engine runs is used.
    agreement
        Part of the decisions at default thresholds that a lower precision shares with float32, as measured.
    training, scores
        How it was trained and how well it does, as far as known.
    calibration
        By class name, scale and offset of the logits that are folded into the graph already: a record, not
        to be applied again.
    domain
        What frames it was trained on look like: for each statistic of :mod:`skysieve.frames.image.domain` its
        quantiles over the training frames.  Without them no frame is called unlike.
    screening
        Of ghosts: how what the network says of the whole picture and what it outlined combine; see
        :class:`skysieve.ghosts.predict.screening.Screening`.
    sky
        Of clusters: ``bands``, names of the maps in the order of the network's channels; ``side`` and
        ``resolution`` of its patches, in pixels and arcminutes; how pixels become its input (``sigma``,
        ``stretch`` and what else the preprocessing keeps); and what was labelled.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    name: _Name
    job: _Name
    version: _Name
    description: _Text
    licence: _Text
    reference: _Text
    source: _Text
    normalisation: _Name
    classes: Annotated[tuple[_ClassName, ...], Len(1, 256)]
    tiling: Tiling
    training_priors: Mapping[_ClassName, _Prior]
    default_priors: Mapping[_ClassName, _Prior]
    default_thresholds: Mapping[_ClassName, _Part]
    graphs: Annotated[tuple[GraphFile, ...], Len(0, 16)]
    agreement: Mapping[_Name, _Part] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[_ClassName, tuple[float, float]] = field(default_factory=dict)
    domain: Mapping[_Name, _Quantiles] = field(default_factory=dict)
    screening: Mapping[_Name, float] = field(default_factory=dict)
    sky: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the card as JSON; a score that is not defined is null."""
        content = {"card_version": CARD_VERSION, **asdict(self)}
        for record in ("training", "scores"):
            content[record] = _without_nan(content[record])
        return json.dumps(content, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, *, origin: str) -> ModelCard:
        """Read a card, of which every value is checked: types, ranges, and that they go together.

        Raises
        ------
        ModelError
            If the text is no model card of this version; ``origin`` names it in the message.
        """
        from pydantic import ValidationError

        content = parse_json(text, origin=f"{origin}: no valid model card", error=ModelError, finite=False)
        if not isinstance(content, dict) or "card_version" not in content:
            raise ModelError(f"{origin}: no valid model card: it has no card_version")
        if content.pop("card_version") != CARD_VERSION:
            raise ModelError(f"{origin}: written by another version of Skysieve; import the model again")
        try:
            card = _adapter().validate_json(json.dumps(content))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])[:200]
            found = "" if first["type"] == "missing" else f", found {first['input']!r:.80}"
            raise ModelError(f"{origin}: no valid model card: {place}: {first['msg']}{found}") from error
        problem = _contradiction(card)
        if problem is not None:
            raise ModelError(f"{origin}: no valid model card: {problem}")
        return card

    def complete(self, *fields: str) -> None:
        """Make sure that fields by class name hold a value for every class.

        Raises
        ------
        ModelError
            If one does not.
        """
        for name in fields:
            missing = [one for one in self.classes if one not in getattr(self, name)]
            if missing:
                raise ModelError(f"model {self.name!r}: its card has no {name} of {missing[0]}")


@cache
def _adapter() -> TypeAdapter[ModelCard]:
    from pydantic import TypeAdapter

    return TypeAdapter(ModelCard)


def _contradiction(card: ModelCard) -> str | None:
    """Return what does not go together in a card, each value of which may be right by itself."""
    texts = (card.name, card.job, card.version, card.description, card.licence, card.reference, card.source)
    unprintable = [text for text in (*texts, card.normalisation, *card.classes) if not text.isprintable()]
    if unprintable:
        return f"{unprintable[0][:40]!r} holds characters that cannot be printed"
    if len(set(card.classes)) < len(card.classes):
        return "classes: one is named twice"
    for name in ("training_priors", "default_priors", "default_thresholds", "calibration"):
        unknown = [one for one in getattr(card, name) if one not in card.classes]
        if unknown:
            return f"{name}: {unknown[0]} is none of the classes"
    if card.tiling.remainder >= card.tiling.multiple:
        return f"tiling.remainder: {card.tiling.remainder} is not below the multiple, {card.tiling.multiple}"
    for graph in card.graphs:
        if not _FILE_NAME.fullmatch(graph.file) or graph.file in {".", "..", CARD_FILE}:
            return f"graphs: {graph.file!r} is no name of a file in the folder of the card"
        if not _SHA256.fullmatch(graph.sha256):
            return f"graphs: the sha256 of {graph.file} is not 64 hexadecimal digits"
    for name in ("domain", "screening", "sky"):
        if _without_nan(getattr(card, name)) != getattr(card, name):
            return f"{name}: holds a number that is not finite"
    return None


def _without_nan(value: Any) -> Any:
    """Return the value with None for numbers that are not finite, in lists and mappings too."""
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Model:
    """A card and the folder that holds its graphs.

    Attributes
    ----------
    card, folder
        The two.
    repair
        What to do about a damaged graph, in messages.
    """

    card: ModelCard
    folder: Path
    repair: str = REPAIR

    @property
    def size(self) -> int:
        """Bytes of all its graphs; those that are missing do not count."""
        paths = [self.folder / graph.file for graph in self.card.graphs]
        return sum(path.stat().st_size for path in paths if path.is_file())

    def graph(self, engine: str) -> tuple[bytes, str]:
        """Return the checked bytes of the graph for an engine, and their SHA-256.

        Raises
        ------
        ModelError
            If the model has no graph for it, the file is missing or not what the card says, or it is no ONNX
            graph that holds all its weights, takes pixels alone and gives numbers.
        """
        for graph in self.card.graphs:
            if engine in graph.engines:
                break
        else:
            raise ModelError(f"model {self.card.name!r} has no graph for {engine}")
        content = self._read(graph)
        label = f"model {self.card.name!r}: {self.folder / graph.file}"
        check_onnx(content, label)
        check_ends(self.card.name, *graph_ends(content, label))
        return content, graph.sha256

    def verify(self) -> None:
        """Make sure that every graph is there, and is what the card says.

        Raises
        ------
        ModelError
            If one is not.
        """
        for graph in self.card.graphs:
            self._read(graph)

    def _read(self, graph: GraphFile) -> bytes:
        path = self.folder / graph.file
        try:
            content = read_bytes(path, error=ModelError, limit=LARGEST_GRAPH)
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror}); {self.repair}") from error
        if hashlib.sha256(content).hexdigest() != graph.sha256:
            raise ModelError(f"{path}: does not match the checksum in its card; {self.repair}")
        return content


def read_model(folder: Path, *, repair: str = REPAIR) -> Model:
    """Read the model in a folder.

    Parameters
    ----------
    folder
        The folder.
    repair
        See :class:`Model`.

    Raises
    ------
    ModelError
        If the folder holds no valid card.
    """
    path = folder / CARD_FILE
    try:
        text = read_text(path, error=ModelError)
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{folder}: not a model folder ({CARD_FILE} cannot be read: {error})") from error
    return Model(ModelCard.from_json(text, origin=str(path)), folder, repair)
