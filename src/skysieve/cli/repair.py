"""``skysieve repair``: fill the bad pixels of frames, into copies."""

from __future__ import annotations

from skysieve.cli.options import Writing
from skysieve.cli.settings_options import takes_settings
from skysieve.core.printable import printable
from skysieve.frames.repair.settings import RepairedFile, RepairSettings

__all__ = ["repair"]


@takes_settings
def repair(file: RepairedFile, settings: RepairSettings, how: Writing) -> None:
    """Fill the bad pixels of frames from their surroundings, into a copy.

    Filled pixels are for pictures and for programs that need a value everywhere. Do not measure them.

    Examples
    --------
    `skysieve repair frame.fits frame.mask.fits -o clean.fits`

    `skysieve repair frame.fits frame.mask.fits -o clean.fits --bad CR,TRL --noise`
    """
    from skysieve.core.execution.terminal_log import start_logging
    from skysieve.frames.repair.files import repair_file

    start_logging()
    done = repair_file(file.frame, file.mask, file.output, settings, overwrite=how.overwrite)
    if how.quiet:
        return
    print(f"{printable(file.frame)} -> {printable(file.output)}")
    for one in done:
        print(
            f"  [{one.index}] filled {one.pixels} of {one.size} pixels ({100 * one.pixels / one.size:.3g}%)"
        )
