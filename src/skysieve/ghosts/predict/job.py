"""Ghosts as a job: one unit is an exposure; run it, and its products are on disk."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skysieve.core.atomic import atomic_write
from skysieve.core.errors import ConfigError, FrameError, SourceError
from skysieve.core.fits.fits_out import write_fits
from skysieve.core.fits.locations import Location, find_locations
from skysieve.core.fits.mask_values import parse_mask_bits
from skysieve.core.fits.naming import output_path, with_suffix
from skysieve.ghosts.focal_plane.cameras import read_camera
from skysieve.ghosts.focal_plane.decam import decam
from skysieve.ghosts.focal_plane.pictures import find_pictures
from skysieve.ghosts.focal_plane.sources import open_source
from skysieve.ghosts.predict.exclusion import Night, night_of
from skysieve.ghosts.predict.finder import GhostFinder
from skysieve.ghosts.predict.positions import place_ghosts
from skysieve.ghosts.predict.products import bits_hdus, label_hdu, probability_hdus, write_instances
from skysieve.ghosts.predict.regions import region_text
from skysieve.ghosts.predict.settings import GhostOptions, GhostSettings

if TYPE_CHECKING:
    from skysieve.ghosts.focal_plane.cameras import Camera
    from skysieve.ghosts.focal_plane.sources import Source
    from skysieve.ghosts.predict.finder import FoundGhosts
    from skysieve.ghosts.predict.positions import PlacedGhost

__all__ = ["SUFFIX", "GhostJob", "GhostRecord"]

SUFFIX = ".ghosts{hdu}.fits"
"""Ending of the label image's default name; side products have other endings in its place."""


@dataclass(frozen=True)
class GhostRecord:
    """What was found in one exposure.

    Attributes
    ----------
    probability
        That there is any ghost.
    ghosts
        With their places, the likeliest first.
    ccds
        Numbers of the CCDs that have data.
    missing
        Numbers of those that have none.
    products
        Files written.
    seconds
        Time it took.
    night
        Which exposure it is.
    """

    probability: float
    ghosts: tuple[PlacedGhost, ...]
    ccds: tuple[int, ...]
    missing: tuple[int, ...]
    products: tuple[Path, ...]
    seconds: float
    night: Night = field(default_factory=Night)


@dataclass
class GhostJob(GhostOptions):
    """Finds the ghosts of exposures.

    Attributes
    ----------
    settings
        Settings of how pictures are examined.
    """

    settings: GhostSettings = field(default_factory=GhostSettings)
    _finder: GhostFinder | None = field(default=None, init=False, repr=False)
    _camera: Camera | None = field(default=None, init=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the network behind: the process that this goes to loads its own."""
        return {**self.__dict__, "_finder": None}

    def units(self, path: str) -> list[Location]:
        """List the exposures and pictures behind a path.

        Of a folder, these are its FITS files, and its PNG, JPEG and NPY files of the size of a focal plane.

        Raises
        ------
        SourceError
            If there are none.
        """
        folder = Path(path)
        pictures = find_pictures(folder, shape=self.camera().picture_shape) if folder.is_dir() else []
        found = [Location(picture, found=True) for picture in pictures]
        try:
            return find_locations(path) + found
        except SourceError:
            if not found:
                raise
            return found

    def product(self, unit: Location) -> Path:
        """Return where the label image of a file goes.

        Raises
        ------
        ConfigError
            If the template is malformed.
        """
        return output_path(unit, self.output, SUFFIX)

    def camera(self) -> Camera:
        """Return the camera.

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
            If a setting is wrong, or the model takes no pictures of the camera.
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

    def prepare(self, *, workers: int = 1) -> None:
        """Load the network; ``workers`` processes share the processors.

        Raises
        ------
        ConfigError
            If a setting is wrong.
        ModelError
            If the model cannot be used.
        """
        self._finder = GhostFinder(self.settings.shared_by(workers), self.camera())
        _ = self._finder.network

    def stop(self) -> None:
        """Let the exposures at work end soon, without a product."""
        if self._finder is not None:
            self._finder.stop()

    def run(self, unit: Location) -> GhostRecord:
        """Find the ghosts of one exposure.

        Raises
        ------
        SkysieveError
            If it cannot be read, is no exposure of the camera, or a product cannot be written.
        """
        if self._finder is None:
            self.prepare()
        assert self._finder is not None  # noqa: S101 (prepare made it)
        start = time.perf_counter()
        camera = self.camera()
        mask = None if self.mask_file is None else output_path(unit, self.mask_file, "")
        threads = self.settings.all_threads
        with open_source(
            unit, camera, mask=mask, mask_bits=self.mask_bits, binning=self.binning, threads=threads
        ) as source:
            found = self._finder.find(source.picture, label=str(unit))
            ghosts = place_ghosts(found.ghosts, camera, source.sky, least=self.least, among=source.ccds)
            written = () if self.screen else self._write(unit, source, found, ghosts)
            header = None if source.exposure is None else source.exposure.hdus[0].header
            night = night_of(header, unit.path.name)
            missing = tuple(number for number in camera.numbers if number not in source.ccds)
        seconds = time.perf_counter() - start
        return GhostRecord(found.probability, ghosts, source.ccds, missing, written, seconds, night)

    def _write(
        self, unit: Location, source: Source, found: FoundGhosts, ghosts: tuple[PlacedGhost, ...]
    ) -> tuple[Path, ...]:
        """Write the products of an exposure: all of them, or none."""
        assert self._finder is not None  # noqa: S101 (run made it)
        camera, product = self.camera(), self.product(unit)
        cards = self._finder.provenance(unit.path)
        written = [product]
        # What is entered here is put in place at the end, when all of it is there
        with ExitStack() as together:

            def path_of(suffix: str) -> Path:
                written.append(with_suffix(product, suffix))
                return together.enter_context(atomic_write(written[-1], overwrite=self.overwrite))

            write_instances(path_of(".json"), unit.path.name, source.picture.shape, found.ghosts)
            if self.ccd_masks:
                if source.exposure is None:
                    raise FrameError(
                        f"{unit}: is a picture, whose CCDs have no pixels of their own; leave --ccd-masks "
                        "out, or give the exposure"
                    )
                place = path_of(".ccds.fits")
                write_fits(bits_hdus(source.exposure, found.ghosts, cards), place, overwrite=True)
            if self.regions:
                text = region_text(found.ghosts, source.sky)
                path_of(".reg").write_text(text, encoding="utf-8")
            if self.probabilities:
                if found.classes is None:
                    raise ConfigError(
                        f"model {self._finder.model.card.name!r} gives no map of classes; leave "
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
