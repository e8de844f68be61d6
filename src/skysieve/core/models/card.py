"""Model cards: everything that inference needs to know to use a graph correctly."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from annotated_types import Interval, Len

from skysieve.core.atomic import atomic_write
from skysieve.core.documents import parse_json, read_bytes, read_text
from skysieve.core.errors import ModelError
from skysieve.core.models.graph_io import check_inputs_outputs
from skysieve.core.models.network import EngineName  # noqa: TC001 (pydantic reads the annotations)
from skysieve.core.models.onnx_file import check_onnx, read_inputs_outputs

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import TypeAdapter

__all__ = [
    "CARD_FILE",
    "GraphFile",
    "Model",
    "ModelCard",
    "Tiling",
    "read_model",
    "update_card",
]

CARD_FILE = "card.json"
CARD_VERSION = 1
MAX_GRAPH_BYTES = 2**31
"""Size of the largest graph in bytes; no ONNX file can be larger."""
REPAIR = "import the model again"

_STRICT: dict[str, object] = {"strict": True, "extra": "forbid", "allow_inf_nan": False}
"""Settings of pydantic for cards: no type conversion, no unknown fields, no NaN."""

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
        File name in the folder of the card.
    sha256
        Checksum of the file, in hexadecimal.
    engines
        Engines that run this form of the graph.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT

    file: _Name
    sha256: str
    engines: Annotated[tuple[EngineName, ...], Len(1, 8)]


@dataclass(frozen=True)
class Tiling:
    """Tile sizes that a graph accepts and needs.

    Attributes
    ----------
    multiple, remainder
        Sides of a tile are ``remainder + k * multiple`` pixels.
    minimum
        Smallest side of the tiles that cover a larger frame.
    margin
        Border of a tile, in pixels, where the network has too little context.
    fixed_size
        Side of the only tile that the network accepts; 0 if it accepts other sizes.
    bytes_per_pixel
        Memory of a call per pixel, by precision.
    memory
        Memory of a call, in MB, beyond which larger tiles gain little. It limits the tiles unless the user
        sets another limit.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT

    multiple: _Side
    remainder: Annotated[int, Interval(ge=0, lt=2**14)]
    minimum: _Side
    margin: Annotated[int, Interval(ge=0, le=2**12)]
    fixed_size: Annotated[int, Interval(ge=0, le=2**14)] = 0
    bytes_per_pixel: Mapping[Literal["f32", "bf16"], _Positive] = field(default_factory=dict)
    memory: _Positive = 830

    def bytes_of_pixel(self, precision: str) -> int:
        """Return the memory of a call per pixel, in bytes.

        Parameters
        ----------
        precision
            ``f32`` or ``bf16``; the largest stated value is used if the card does not state this one.

        Returns
        -------
        int
            Bytes per pixel.

        Raises
        ------
        ModelError
            If the card states no value.
        """
        stated = {str(name): needed for name, needed in self.bytes_per_pixel.items()}
        if not stated:
            raise ModelError("the card of the model states no bytes_per_pixel, so that tiles cannot be sized")
        return stated.get(precision, max(stated.values()))


@dataclass(frozen=True)
class ModelCard:
    """Description of a model and of its use.

    Attributes
    ----------
    name, job, version, description, licence, reference, source
        Identity, job and origin of the model.
    normalisation
        Name of the normalisation of its input.
    classes
        Names of its outputs, in order.
    tiling
        Size of its input.
    training_priors, default_priors, default_thresholds
        Values by class name.
    graphs
        Its graphs; the first that an engine runs is used.
    agreement
        Measured share of the decisions at default thresholds that a lower precision has in common with
        float32.
    training, scores
        How it was trained and how well it performs, as far as known.
    calibration
        Scale and offset of the logits by class name. The graph includes them already: a record, not to be
        applied again.
    domain
        Quantiles over the training frames of each statistic of :mod:`skysieve.frames.image.domain`. Without
        them no frame is reported as out of distribution.
    screening
        Ghosts only: how the network's score of the whole image and its outlines are combined; see
        :class:`skysieve.ghosts.predict.screening.Screening`.
    sky
        Clusters only: ``bands``, names of the maps in the order of the network's channels; ``side`` and
        ``resolution`` of its patches, in pixels and arcminutes; how pixels become its input (``sigma``,
        ``stretch`` and other values of the preprocessing); and what was labelled.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT

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
        """Return the card as JSON; an undefined score is null.

        Returns
        -------
        str
            The text, with a final newline.
        """
        content = {"card_version": CARD_VERSION, **asdict(self)}
        for record in ("training", "scores"):
            content[record] = _without_nan(content[record])
        return json.dumps(content, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, *, origin: str) -> ModelCard:
        """Parse a card and check all values: types, ranges, and consistency.

        Parameters
        ----------
        text
            The card as JSON.
        origin
            Name of the card in messages.

        Returns
        -------
        ModelCard
            The card.

        Raises
        ------
        ModelError
            If the text is not a valid model card of this version.
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
        problem = _find_contradiction(card)
        if problem is not None:
            raise ModelError(f"{origin}: no valid model card: {problem}")
        return card

    def require_fields(self, *fields: str) -> None:
        """Check that fields by class name have a value for every class.

        Parameters
        ----------
        *fields
            Names of the fields.

        Raises
        ------
        ModelError
            If a field lacks a class.
        """
        for name in fields:
            missing = [one for one in self.classes if one not in getattr(self, name)]
            if missing:
                raise ModelError(f"model {self.name!r}: its card has no {name} of {missing[0]}")


@cache
def _adapter() -> TypeAdapter[ModelCard]:
    from pydantic import TypeAdapter

    return TypeAdapter(ModelCard)


def _find_contradiction(card: ModelCard) -> str | None:
    """Return what is inconsistent in a card whose values are all valid on their own, or None."""
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


def _without_nan(value: object) -> object:
    """Return the value with None for non-finite numbers, also in lists and mappings."""
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Model:
    """A card and the folder with its graphs.

    Attributes
    ----------
    card, folder
        The card and the folder.
    repair
        Advice in messages about a damaged graph.
    """

    card: ModelCard
    folder: Path
    repair: str = REPAIR

    @property
    def size(self) -> int:
        """Size of all its graphs in bytes, without missing files."""
        paths = [self.folder / graph.file for graph in self.card.graphs]
        return sum(path.stat().st_size for path in paths if path.is_file())

    def graph(self, engine: str) -> tuple[bytes, str]:
        """Return the checked bytes of the graph for an engine, and their SHA-256.

        Parameters
        ----------
        engine
            Name of the engine.

        Returns
        -------
        content : bytes
            The ONNX graph.
        sha256 : str
            Checksum in hexadecimal.

        Raises
        ------
        ModelError
            If the model has no graph for the engine, the file is missing or does not match the card, or it is
            not an ONNX graph that holds all its weights, takes only pixels and returns float32.
        """
        for graph in self.card.graphs:
            if engine in graph.engines:
                break
        else:
            raise ModelError(f"model {self.card.name!r} has no graph for {engine}")
        content = self._read(graph)
        label = f"model {self.card.name!r}: {self.folder / graph.file}"
        check_onnx(content, label)
        check_inputs_outputs(self.card.name, *read_inputs_outputs(content, label))
        return content, graph.sha256

    def verify(self) -> None:
        """Check that every graph exists and matches the card.

        Raises
        ------
        ModelError
            If a graph does not.
        """
        for graph in self.card.graphs:
            self._read(graph)

    def _read(self, graph: GraphFile) -> bytes:
        path = self.folder / graph.file
        try:
            content = read_bytes(path, error=ModelError, limit=MAX_GRAPH_BYTES)
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
        Advice in messages about a damaged graph.

    Returns
    -------
    Model
        The model.

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


def update_card(model: Model, **changes: Any) -> Model:
    """Change entries of the card of a model, and write it.

    Parameters
    ----------
    model
        Model in a folder of its own.
    **changes
        New values of fields of :class:`ModelCard`.

    Returns
    -------
    Model
        The model with its new card.

    Raises
    ------
    OutputError
        If the card cannot be written.
    """
    with atomic_write(model.folder / CARD_FILE, overwrite=True) as path:
        path.write_text(replace(model.card, **changes).to_json(), encoding="utf-8")
    return read_model(model.folder)
