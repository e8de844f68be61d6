"""Settings of the published commands, with their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from skysieve.core.errors import ConfigError
from skysieve.core.settings import REQUIRED, setting

if TYPE_CHECKING:
    from skysieve.frames.maximask.published import PublishedNetwork

__all__ = ["PublishedMasking", "PublishedSettings", "PublishedTracking", "PublishedWeights"]


def _published_bool(option: str, *, default: bool) -> Any:
    """Return a setting that reads a truth value as the published commands do."""

    def read(text: str) -> bool:
        if text.lower() in ("yes", "true", "t", "y", "1"):
            return True
        if text.lower() in ("no", "false", "f", "n", "0"):
            return False
        raise ConfigError(f"{option} {text!r}: expected True or False")

    return setting(default, option, metavar="BOOL", text_type=str, read=read, shown=str(default))


@dataclass(frozen=True, kw_only=True)
class PublishedSettings:
    """Settings that the published commands share.

    Attributes
    ----------
    im_path
        File, `file.fits[n]`, folder or `.list` file.
    net_dir
        SavedModel folder with other weights.
    verbose
        Print progress messages.
    """

    im_path: str = setting(REQUIRED, argument=True)
    net_dir: Path | None = setting(None, "--net_dir", hidden_default=True)
    verbose: bool = setting(False, "-v", "--verbose")

    def model_of(self, network: PublishedNetwork) -> str:
        """Return the name of the model, which is imported if it is a SavedModel folder.

        Parameters
        ----------
        network
            The published network.

        Returns
        -------
        str
            Name or folder of the model.

        Raises
        ------
        ModelError
            If the folder holds no such network.
        """
        if self.net_dir is None:
            return network.card.name
        from skysieve.frames.maximask.published import import_models

        return str(import_models(self.net_dir, [network])[0].folder)


@dataclass(frozen=True, kw_only=True)
class PublishedMasking(PublishedSettings):
    """Settings of the command ``maximask``.

    Attributes
    ----------
    config_dir
        Folder with classes.flags, classes.priors and classes.thresh, each optional.
    prior_modif
        Whether to correct probabilities for the priors.
    proba_thresh
        Whether to apply thresholds.
    single_mask
        Whether to sum the classes' codes into one mask.
    batch_size
        Maximum number of tiles in one call of the network.
    suffix
        Product name: file.mask.fits as written by MaxiMask, or file.masks.fits as in its documentation.
    """

    config_dir: Path | None = setting(None, "--config_dir", hidden_default=True)
    prior_modif: bool = _published_bool("--prior_modif", default=True)
    proba_thresh: bool = _published_bool("--proba_thresh", default=True)
    single_mask: bool = _published_bool("--single_mask", default=False)
    batch_size: int = setting(8, "--batch_size", minimum=1)
    suffix: Literal["mask", "masks"] = setting("mask")

    def __post_init__(self) -> None:
        """Check that the settings go together."""
        if self.single_mask and not self.proba_thresh:
            raise ConfigError("--single_mask True needs --proba_thresh True: codes are summed over decisions")


@dataclass(frozen=True, kw_only=True)
class PublishedTracking(PublishedSettings):
    """Settings of the command ``maxitrack``.

    Attributes
    ----------
    prior
        Expected fraction of frames with tracking errors.
    fraction
        Fraction of the HDUs to use.
    batch_size
        Maximum number of blocks in one call of the network.
    """

    prior: float = setting(0.05)
    fraction: float = setting(1.0, "--frac")
    batch_size: int | None = setting(None, "--batch_size", minimum=1, hidden_default=True)


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """Published weights that are imported.

    Attributes
    ----------
    source
        SavedModel folder of MaxiMask or MaxiTrack, or a MaxiMask wheel.
    """

    source: Path = setting(REQUIRED, argument=True)
