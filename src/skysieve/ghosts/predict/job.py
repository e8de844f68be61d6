"""The job that finds the ghosts of exposures and writes the products."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import ConfigError, FrameError, SourceError
from skysieve.core.execution.job import JobRecord
from skysieve.core.execution.network_job import FileJob
from skysieve.core.fits.fits_out import write_fits
from skysieve.core.fits.locations import Location
from skysieve.core.fits.mask_values import parse_mask_bits
from skysieve.core.fits.naming import check_own_product, output_path, with_suffix
from skysieve.core.printable import printable
from skysieve.ghosts.focal_plane.cameras import read_camera
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.pictures import find_pictures
from skysieve.ghosts.focal_plane.sources import open_source
from skysieve.ghosts.predict.exposure_ids import ExposureId, identify_exposure
from skysieve.ghosts.predict.finder import GhostFinder
from skysieve.ghosts.predict.positions import locate_ghosts
from skysieve.ghosts.predict.products import ccd_mask_hdus, label_hdu, probability_hdus, write_instances
from skysieve.ghosts.predict.regions import region_text
from skysieve.ghosts.predict.settings import GhostOptions, GhostSettings

if TYPE_CHECKING:
    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.focal_plane.sources import Source
    from skysieve.ghosts.predict.finder import FoundGhosts
    from skysieve.ghosts.predict.positions import LocatedGhost

__all__ = ["SUFFIX", "GhostJob", "GhostRecord"]

SUFFIX = ".ghosts{hdu}.fits"
"""Suffix of the default name of the label image; other products have other suffixes."""

MAX_DEAD_FRACTION = 0.1
"""Fraction of CCDs without data above which they are listed; a few dead CCDs per camera are normal."""


@dataclass(frozen=True)
class GhostRecord(JobRecord):
    """The ghosts of one exposure, and the files written.

    Attributes
    ----------
    probability
        Probability that the exposure has any ghost.
    ghosts
        Ghosts with their positions, sorted by decreasing score.
    ccds
        Numbers of the CCDs with data.
    missing
        Numbers of the CCDs without data.
    products
        Files written.
    exposure_id
        Date and number of the exposure.
    """

    probability: float
    ghosts: tuple[LocatedGhost, ...]
    ccds: tuple[int, ...]
    missing: tuple[int, ...]
    products: tuple[Path, ...]
    exposure_id: ExposureId = field(default_factory=ExposureId)

    def describe(self, unit: object) -> str:
        """Return the products, and the CCDs of each ghost, as lines; after screening, the probability.

        Parameters
        ----------
        unit
            The exposure.

        Returns
        -------
        str
            The lines.
        """
        missing = self._describe_missing()
        if self.main_product is None:
            return f"{printable(unit)} {self.probability:.4f}{missing}"
        lines = [f"{printable(unit)} -> {printable(self.main_product)} ({self.seconds:.1f} s)"]
        for ghost in self.ghosts:
            touched = ", ".join(f"{number} ({100 * part:.0f}%)" for number, part in ghost.ccds.items())
            lines.append(f"  {ghost.number} {ghost.class_name} {ghost.score:.2f}: CCDs {touched or 'none'}")
        if not self.ghosts:
            lines.append("  no ghosts")
        if missing:
            lines.append(f" {missing}")
        lines += [f"  also: {printable(path)}" for path in self.products[1:]]
        return "\n".join(lines)

    def _describe_missing(self) -> str:
        """Return a note if more CCDs have no data than the few dead ones of a camera."""
        count, whole = len(self.ccds), len(self.ccds) + len(self.missing)
        if len(self.missing) <= MAX_DEAD_FRACTION * whole:
            return ""
        listed = " ".join(map(str, self.missing))
        return f" only {count} of {whole} CCDs have data: nothing is known of {listed}"

    @property
    def main_product(self) -> Path | None:
        """The label image; None after screening."""
        return self.products[0] if self.products else None

    @property
    def numbers(self) -> dict[str, float]:
        """The probability of any ghost, and the number of ghosts."""
        return {"probability": float(self.probability), "ghosts": float(len(self.ghosts))}


@dataclass
class GhostJob(GhostOptions, FileJob[GhostFinder, GhostRecord]):
    """A job that finds the ghosts of exposures.

    Attributes
    ----------
    settings
        Settings of the search.
    """

    settings: GhostSettings = field(default_factory=GhostSettings)
    _camera: Camera | None = field(default=None, init=False, repr=False)

    def units(self, path: str) -> list[Location]:
        """List the exposures and pictures of a path.

        Parameters
        ----------
        path
            A file, or a folder: its FITS files, and its PNG, JPEG and NPY files of the size of a focal plane.

        Returns
        -------
        list of Location
            The exposures and pictures.

        Raises
        ------
        SourceError
            If there are none.
        """
        folder = Path(path)
        pictures = find_pictures(folder, shape=self.camera().picture_shape) if folder.is_dir() else []
        found = [Location(picture, found=True) for picture in pictures]
        try:
            return super().units(path) + found
        except SourceError:
            if not found:
                raise
            return found

    def product(self, unit: Location) -> Path:
        """Return the path of the label image of an exposure.

        Parameters
        ----------
        unit
            The exposure or picture.

        Returns
        -------
        Path
            The path.

        Raises
        ------
        ConfigError
            If the template is malformed.
        """
        return output_path(unit, self.output, SUFFIX)

    def camera(self) -> Camera:
        """Return the camera; its table is read once.

        Returns
        -------
        Camera
            The camera.

        Raises
        ------
        SourceError
            If its table cannot be read.
        """
        if self._camera is None:
            self._camera = decam() if self.camera_file is None else read_camera(self.camera_file)
        return self._camera

    def check(self) -> None:
        """Check the settings and find the model, without loading its network.

        Raises
        ------
        ConfigError
            If a setting is invalid, or the model does not accept pictures of the camera.
        ModelError
            If the model is missing or damaged.
        SourceError
            If the table of the camera cannot be read.
        """
        if not 0 <= self.least <= 1:
            raise ConfigError(f"least part of a CCD: {self.least} is not between 0 and 1")
        parse_mask_bits(self.mask_bits)
        if self.screen and (self.ccd_masks or self.preview or self.probabilities or self.regions):
            raise ConfigError("screening writes no masks, maps, regions or previews; leave them out")
        GhostFinder(self.settings, self.camera()).check_shape(self.camera().picture_shape)

    def _make_runner(self, workers: int) -> GhostFinder:
        return GhostFinder(self.settings.shared_by(workers), self.camera())

    def _process(self, unit: Location) -> GhostRecord:
        finder, camera = self.runner, self.camera()
        mask = None if self.mask_file is None else output_path(unit, self.mask_file, "")
        threads = self.settings.all_threads
        with open_source(
            unit, camera, mask=mask, mask_bits=self.mask_bits, binning=self.binning, threads=threads
        ) as source:
            found = finder.find(source.picture, label=str(unit))
            ghosts = locate_ghosts(
                found.ghosts, camera, source.sky, min_ccd_fraction=self.least, among=source.ccds
            )
            written = () if self.screen else self._write(unit, source, found, ghosts)
            header = None if source.exposure is None else source.exposure.hdus[0].header
            exposure_id = identify_exposure(header, unit.path.name)
            missing = tuple(number for number in camera.numbers if number not in source.ccds)
        return GhostRecord(found.probability, ghosts, source.ccds, missing, written, exposure_id)

    def _write(
        self, unit: Location, source: Source, found: FoundGhosts, ghosts: tuple[LocatedGhost, ...]
    ) -> tuple[Path, ...]:
        """Write all products of an exposure; none if one of them fails."""
        camera, product = self.camera(), self.product(unit)
        check_own_product(unit, product)
        cards = self.runner.provenance(unit.path)
        written = [product]
        # temporary files get their final names when the stack closes, after all of them are complete
        with ExitStack() as temporary_files:

            def path_of(suffix: str) -> Path:
                written.append(with_suffix(product, suffix))
                return temporary_files.enter_context(atomic_write(written[-1], overwrite=self.overwrite))

            write_instances(path_of(".json"), unit.path.name, source.picture.shape, found.ghosts)
            if self.ccd_masks:
                if source.exposure is None:
                    raise FrameError(
                        f"{unit}: is a picture, whose CCDs have no pixels of their own; leave --ccd-masks "
                        "out, or give the exposure"
                    )
                mask_path = path_of(".ccds.fits")
                write_fits(ccd_mask_hdus(source.exposure, found.ghosts, cards), mask_path, overwrite=True)
            if self.regions:
                text = region_text(found.ghosts, source.sky)
                path_of(".reg").write_text(text, encoding="utf-8")
            if self.probabilities:
                if found.classes is None:
                    raise ConfigError(
                        f"model {self.runner.model.card.name!r} gives no map of classes; leave "
                        "--probabilities out"
                    )
                from skysieve.ghosts.predict.preview import draw_probabilities

                map_hdus = probability_hdus(found.classes, source, camera, cards)
                write_fits(map_hdus, path_of(".probabilities.fits"), overwrite=True)
                drawn = draw_probabilities(source, found.classes, camera, title=unit.path.name)
                drawn.save(path_of(".probabilities.png"), format="PNG", optimize=True)
            if self.preview:
                from skysieve.ghosts.predict.preview import draw_preview

                picture = draw_preview(source, found, ghosts, camera, title=unit.path.name)
                picture.save(path_of(".png"), format="PNG", optimize=True)
            label = label_hdu(found.ghosts, source, camera, cards)
            write_fits([label], product, overwrite=self.overwrite)
        return tuple(written)
