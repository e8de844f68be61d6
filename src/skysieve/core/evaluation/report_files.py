"""Files of the report of an evaluation, in one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 (read from the annotations)
from typing import TYPE_CHECKING

from skysieve.core.atomic import atomic_write, check_target
from skysieve.core.errors import OutputError
from skysieve.core.settings import REQUIRED, setting

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ReportFolder", "check_output", "write_report"]

REPORT = "report.md"


@dataclass(frozen=True, kw_only=True)
class ReportFolder:
    """Folder of a report.

    Attributes
    ----------
    output
        Output folder of the report.
    """

    output: Path = setting(REQUIRED, "-o", "--output", metavar="DIR")


def check_output(output: Path, *, overwrite: bool) -> None:
    """Check, before an evaluation of hours, that the report can be drawn and written.

    Parameters
    ----------
    output
        Folder of the report.
    overwrite
        Whether an existing report may be replaced.

    Raises
    ------
    OutputError
        If the folder is a file, or holds a report that may not be replaced.
    ConfigError
        If Matplotlib is not installed.
    """
    from skysieve.core.evaluation.curves import check_matplotlib

    if output.exists() and not output.is_dir():
        raise OutputError(f"cannot write {output}: it is a file; name a folder")
    check_target(output / REPORT, overwrite=overwrite)
    check_matplotlib()


def write_report(output: Path, files: Mapping[str, bytes]) -> Path:
    """Write the files of a report; the page that shows the others is written last.

    Parameters
    ----------
    output
        Folder of the report.
    files
        Content of each file, by name.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    for name in sorted(files, key=lambda name: name == REPORT):
        with atomic_write(output / name, overwrite=True) as temporary:
            temporary.write_bytes(files[name])
    return output / REPORT
