"""Model cards: all that the runtime must know to use a graph rightly."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from skysieve.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["CARD_FILE", "GraphFile", "Model", "ModelCard", "Tiling", "read_model"]

CARD_FILE = "card.json"
CARD_VERSION = 1
REPAIR = "import the model again"


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

    file: str
    sha256: str
    engines: tuple[str, ...]


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

    multiple: int
    remainder: int
    minimum: int
    margin: int
    fixed_size: int = 0
    bytes_per_pixel: Mapping[str, int] = field(default_factory=dict)
    memory: int = 830


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
        What frames it was trained on look like: for each statistic of :mod:`skysieve.imaging.domain` its
        quantiles over the training frames.  Without them no frame is called unlike.
    screening
        Of ghosts: how what the network says of the whole picture and what it outlined combine; see
        :class:`skysieve.ghosts.screening.Screening`.
    sky
        Of clusters: ``bands``, names of the maps in the order of the network's channels; ``side`` and
        ``resolution`` of its patches, in pixels and arcminutes; how pixels become its input (``sigma``,
        ``stretch`` and what else the preprocessing keeps); and what was labelled.
    """

    name: str
    job: str
    version: str
    description: str
    licence: str
    reference: str
    source: str
    normalisation: str
    classes: tuple[str, ...]
    tiling: Tiling
    training_priors: Mapping[str, float]
    default_priors: Mapping[str, float]
    default_thresholds: Mapping[str, float]
    graphs: tuple[GraphFile, ...]
    agreement: Mapping[str, float] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    domain: Mapping[str, Any] = field(default_factory=dict)
    screening: Mapping[str, float] = field(default_factory=dict)
    sky: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the card as JSON."""
        return json.dumps({"card_version": CARD_VERSION, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, *, origin: str) -> ModelCard:
        """Read a card.

        Raises
        ------
        ModelError
            If the text is no model card of this version; ``origin`` names it in the message.
        """
        try:
            content = json.loads(text)
            if content.pop("card_version") != CARD_VERSION:
                raise ModelError(f"{origin}: written by another version of Skysieve; import the model again")
            content["tiling"] = Tiling(**content["tiling"])
            content["classes"] = tuple(content["classes"])
            content["graphs"] = tuple(
                GraphFile(g["file"], g["sha256"], tuple(g["engines"])) for g in content["graphs"]
            )
            content["calibration"] = {
                name: (float(scale), float(offset))
                for name, (scale, offset) in content.get("calibration", {}).items()
            }
            return cls(**content)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ModelError(f"{origin}: no valid model card ({error!r})") from error


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
            If the model has no graph for it, or the file is missing or not what the card says.
        """
        for graph in self.card.graphs:
            if engine in graph.engines:
                break
        else:
            raise ModelError(f"model {self.card.name!r} has no graph for {engine}")
        return self._read(graph), graph.sha256

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
            content = path.read_bytes()
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
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{folder}: not a model folder ({CARD_FILE} cannot be read: {error})") from error
    return Model(ModelCard.from_json(text, origin=str(path)), folder, repair)
