"""What a graph takes and gives: checked when it is loaded, and each time that it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from skysieve.core.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["INPUT", "Answer", "check_answer", "check_ends", "short_reason"]

INPUT = "pixels"
"""Name of the input of every graph."""

Answer = Literal["probabilities of pixels", "probabilities of frames", "other"]
"""What a graph gives: ``(N, C, H, W)`` for the pixels it was shown, ``(N, C)`` for frames, or anything."""

_AXES = 4
_FLOATS = {"float", "f32", "float32"}
_LONGEST_REASON = 200
# Engines round, in bf16 to half a per cent.
_ROUNDING = 1e-2


def check_ends(model: str, inputs: Sequence[tuple[str, str, int | None]], outputs: Sequence[str]) -> None:
    """Make sure that a graph takes pixels alone and gives numbers.

    Parameters
    ----------
    model
        Name of the model, for messages.
    inputs
        Name, type and number of axes of each; None for any number.
    outputs
        Type of each.

    Raises
    ------
    ModelError
        If it does not.
    """
    if len(inputs) != 1 or inputs[0][0] != INPUT:
        names = ", ".join(f"{name[:40]!r}" for name, _, _ in inputs[:8]) or "nothing"
        raise ModelError(f"model {model!r}: its graph takes {names}; it must take {INPUT!r} alone")
    _, kind, axes = inputs[0]
    if kind not in _FLOATS or axes not in {None, _AXES}:
        raise ModelError(
            f"model {model!r}: its graph takes {kind} with {axes} axes; it must take float32 with {_AXES}"
        )
    if not outputs or outputs[0] not in _FLOATS:
        given = outputs[0] if outputs else "nothing"
        raise ModelError(f"model {model!r}: its graph gives {given}; it must give float32")


def check_answer(
    output: NDArray[np.float32], pixels: NDArray[np.float32], *, model: str, answer: Answer, classes: int
) -> None:
    """Make sure that what a graph said can be what it was asked for.

    Parameters
    ----------
    output
        What it said.
    pixels
        ``(N, C, H, W)``, what it was shown.
    model
        Name of the model, for messages.
    answer
        What it should be.
    classes
        How many classes the model's card names.

    Raises
    ------
    ModelError
        If it has another shape, or holds NaN, an infinite number or, of probabilities, one beyond 0 to 1.
    """
    expected: tuple[int, ...] | None = None
    if answer == "probabilities of pixels":
        expected = (len(pixels), classes, *pixels.shape[2:])
    elif answer == "probabilities of frames":
        expected = (len(pixels), classes)
    shape = tuple(output.shape)
    if (expected is not None and shape != expected) or not shape or shape[0] != len(pixels):
        wanted = expected or (len(pixels), "...")
        raise ModelError(
            f"model {model!r}: its graph gives an array of shape {shape}, where its card makes it {wanted}"
        )
    if not output.size:
        return
    # NaN is the least and the greatest of numbers, wherever it is among them.
    low, high = float(output.min()), float(output.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ModelError(
            f"model {model!r}: its graph gives numbers that are not finite ({low} to {high}); it is damaged"
        )
    if expected is not None and (low < -_ROUNDING or high > 1 + _ROUNDING):
        raise ModelError(
            f"model {model!r}: its graph gives {low:.3g} to {high:.3g}, where probabilities are 0 to 1"
        )


def short_reason(error: BaseException) -> str:
    """Return what an engine says on one line, without what it says of its own files."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]} ..."
