"""Descriptions of the reasons why a frame is out of distribution."""

from __future__ import annotations

__all__ = ["DESCRIPTIONS", "explain"]

DESCRIPTIONS = {
    ("correlation", "high"): "noise of neighbouring pixels is correlated",
    ("correlation_x", "high"): "noise of neighbouring pixels is correlated",
    ("correlation_y", "high"): "noise of neighbouring pixels is correlated",
    ("correlation", "low"): "noise of neighbouring pixels is anticorrelated",
    ("correlation_x", "low"): "noise of neighbouring pixels is anticorrelated",
    ("correlation_y", "low"): "noise of neighbouring pixels is anticorrelated",
    ("mosaic", "high"): "pixels differ in a 2 x 2 pattern, as in a Bayer mosaic",
    ("period", "high"): "noise has a period of a few pixels",
    ("grain", "high"): "steps larger than the noise",
    ("confusion", "high"): "no empty sky between the sources",
    ("sources", "low"): "hardly any sources",
    ("sources", "high"): "crowded with sources",
    ("stars", "low"): "hardly any stars",
    ("starless", "high"): "sources that do not look like stars",
    ("sharp", "high"): "sources are hardly wider than a pixel",
    ("fwhm", "low"): "stars are undersampled",
    ("fwhm", "high"): "stars are wide or defocused",
    ("elongation", "high"): "sources are all elongated in one direction",
    ("bright", "high"): "much of the frame is far above the sky",
    ("lines", "high"): "structure runs in lines",
    ("constant", "high"): "much of the frame has one value",
    ("saturated", "high"): "much of the frame is saturated",
    ("doubt", "high"): "the network is in doubt",
    ("doubt SAT", "high"): "the network is in doubt about saturated pixels",
    ("undecided", "high"): "the network decides for no class",
}
"""Description of each side of a statistic; sides without one do not count."""

CORRELATING = "drizzling, enlarging, smoothing, scanning or lossy compression"
MARKED = "much marked as"
for _name in ("CR", "HCL", "DCL", "HP", "DP", "P", "TRL", "FR", "NEB", "SAT", "SP", "BBG"):
    DESCRIPTIONS[f"marked {_name}", "high"] = f"{MARKED} {_name}"


def explain(name: str, side: str, value: float, known: tuple[float, float]) -> str:
    """Return a sentence that explains why a statistic is out of distribution.

    Parameters
    ----------
    name, side
        Name of the statistic, and ``high`` or ``low``, as in :data:`DESCRIPTIONS`.
    value
        Value in the frame.
    known
        Range of the training frames.

    Returns
    -------
    str
        The sentence, with the value and the range in units that a user understands.

    Examples
    --------
    >>> explain("fwhm", "low", 0.04, (0.2, 1.1))
    'stars are undersampled: 1.1 px wide; the network knows 1.6 to 12.6 px'
    >>> explain("marked TRL", "high", -1.0, (-4.0, -1.5))
    'much marked as TRL: 10 % of the pixels; 3.2 % at most in training frames'
    """
    low, high = known
    label = DESCRIPTIONS[name, side]
    if name == "fwhm":
        return f"{label}: {10**value:.1f} px wide; the network knows {10**low:.1f} to {10**high:.1f} px"
    if name.startswith("correlation"):
        where = {"correlation_x": " along rows", "correlation_y": " along columns"}.get(name, "")
        cause = f", as after {CORRELATING}" if side == "high" else ""
        return f"{label}{where} by {value:.2f}{cause}; the network knows {low:.2f} to {high:.2f}"
    if name in ("sources", "stars"):
        end = f"{10**low:.0f} at least" if side == "low" else f"{10**high:.0f} at most"
        return f"{label}: {10**value:.0f} in 10^6 px; {end} in training frames"
    if name == "starless":
        return f"{label}: one in {10**value:.0f} does; one in {10**high:.0f} at least in training frames"
    if name == "sharp":
        return f"{label}: {10**value:.2g} for each wider one; {10**high:.2g} at most in training frames"
    if name == "period":
        return f"{label}: {10**value:.2g} times the usual power; {10**high:.2g} at most in training frames"
    if name == "bright" or name.startswith("marked "):
        return (
            f"{label}: {_percent(10**value)} of the pixels; {_percent(10**high)} at most in training frames"
        )
    if name in ("constant", "saturated", "lines", "undecided"):
        return f"{label}: {_percent(value)} of it; {_percent(high)} at most in training frames"
    if name == "grain":
        return f"{label}: {10**value:.1f} times; {10**high:.1f} at most in training frames"
    if name == "confusion":
        excess = f"what is left there is {10**value:.1f} times the noise of pixels"
        return f"{label}: {excess}; {10**high:.1f} at most in training frames"
    if name.startswith("doubt"):
        return f"{label}: {10**value:.2g} bit a pixel; {10**high:.2g} at most in training frames"
    return f"{label}: {value:.2f}; {high:.2f} at most in training frames"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %" if fraction >= 0.1 else f"{100 * fraction:.2g} %"
