"""Checks of a graph's inputs and outputs: types when it is loaded, and values after each call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from skysieve.core.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["INPUT", "OutputKind", "check_inputs_outputs", "check_output", "short_reason"]

INPUT = "pixels"
"""Name of the input of every graph."""

OutputKind = Literal["probabilities of pixels", "probabilities of frames", "other"]
"""Output of a graph: ``(N, C, H, W)`` for pixels, ``(N, C)`` for frames, or any other."""

_AXES = 4
_FLOATS = {"float", "f32", "float32"}
_MAX_REASON_LENGTH = 200
# Tolerance for rounding by engines, which is half a per cent in bf16.
_ROUNDING = 1e-2


def check_inputs_outputs(
    model: str, inputs: Sequence[tuple[str, str, int | None]], outputs: Sequence[str]
) -> None:
    """Check that a graph takes only pixels and returns float32.

    Parameters
    ----------
    model
        Name of the model, for messages.
    inputs
        Name, type and number of axes of each input; None for any number of axes.
    outputs
        Type of each output.

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


def check_output(
    output: NDArray[np.float32],
    pixels: NDArray[np.float32],
    *,
    model: str,
    output_kind: OutputKind,
    classes: int,
) -> None:
    """Check that the output of a graph is valid.

    Parameters
    ----------
    output : ndarray of float32
        Output of the graph.
    pixels : ndarray of float32, shape (N, C, H, W)
        Input of the graph.
    model
        Name of the model, for messages.
    output_kind
        Expected kind of output.
    classes
        Number of classes in the model's card.

    Raises
    ------
    ModelError
        If the output has another shape, or holds NaN, infinite numbers or, for probabilities, values outside
        0 to 1.
    """
    expected: tuple[int, ...] | None = None
    if output_kind == "probabilities of pixels":
        expected = (len(pixels), classes, *pixels.shape[2:])
    elif output_kind == "probabilities of frames":
        expected = (len(pixels), classes)
    shape = tuple(output.shape)
    if (expected is not None and shape != expected) or not shape or shape[0] != len(pixels):
        wanted = expected or (len(pixels), "...")
        raise ModelError(
            f"model {model!r}: its graph gives an array of shape {shape}, where its card makes it {wanted}"
        )
    if not output.size:
        return
    # NaN anywhere in the output makes its minimum and maximum NaN.
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
    """Return an engine's error message on one line, shortened; engines append details of their own files.

    Parameters
    ----------
    error
        The exception.

    Returns
    -------
    str
        The message.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _MAX_REASON_LENGTH else f"{text[:_MAX_REASON_LENGTH]} ..."
