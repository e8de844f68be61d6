"""Focal planes and skies from Python."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import QTable, Table
from tests.clusters.tiny_sky import CLUSTERS, cluster_maps, save_sky_model, two_units, write_sky
from tests.ghosts import tiny_camera
from tests.ghosts.tiny_camera import TABLE, write_calibrated
from tests.tiny_models import save_ghost_model

import skysieve
from skysieve.core.errors import ConfigError, FrameError, OutputError, SourceError

LIT = (slice(64, 192), slice(16, 112))
"""Where CCD 4 has a ghost."""


class TestGhosts:
    @pytest.fixture(scope="class")
    @classmethod
    def settings(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("camera")
        (folder / "tiny.ecsv").write_text(TABLE)
        return {"camera": folder / "tiny.ecsv", "model": str(save_ghost_model(folder / "ghosts"))}

    @pytest.fixture
    def exposure(self, tmp_path):
        ccds = tiny_camera.sky()
        ccds[4][LIT] += 2000
        write_calibrated(tmp_path / "a.fits", ccds)
        return tmp_path / "a.fits"

    def test_of_an_exposure_have_pixels_ccds_and_places_on_the_sky(self, exposure, settings):
        result = skysieve.find_ghosts(exposure, **settings)
        (ghost,) = result.ghosts
        assert ghost.class_name == "Bright"
        assert list(ghost.ccds) == [4]
        assert ghost.sky is not None
        assert result.probability > 0.5
        assert (result.ccds, result.missing) == ((1, 2, 3, 4, 5), ())
        rows, columns = np.nonzero(result.labels)
        assert (rows.mean(), columns.mean()) == pytest.approx((17.5, 27.5), abs=1)
        np.testing.assert_array_equal(result.boolean("Bright"), result.masks[0])
        assert not result.boolean("Rays").any()
        assert [ccd.number for ccd in result.touched] == [4]

    def test_of_a_picture_are_those_of_its_exposure_but_for_the_sky(self, exposure, settings):
        known = skysieve.find_ghosts(exposure, **settings)
        for picture in (known.picture, known.picture.astype(float)):
            result = skysieve.find_ghosts(picture, **settings)
            np.testing.assert_array_equal(result.labels, known.labels)
            assert result.ghosts[0].sky is None

    def test_come_as_tables(self, exposure, settings):
        result = skysieve.find_ghosts(exposure, **settings)
        (row,), (ccd,) = result.to_table(), result.to_ccd_table()
        assert isinstance(result.to_table(), QTable)
        assert (row["file"], row["class"]) == (str(exposure), "Bright")
        assert (ccd["ccd"], ccd["name"]) == (4, "B2")

    def test_that_cover_little_of_a_ccd_do_not_touch_it(self, exposure, settings):
        result = skysieve.find_ghosts(exposure, min_ccd_fraction=0.9, **settings)
        assert len(result.ghosts) == 1
        assert not result.touched

    def test_of_a_picture_without_any_are_an_empty_result(self, settings, tmp_path):
        write_calibrated(tmp_path / "b.fits", tiny_camera.sky())
        result = skysieve.find_ghosts(tmp_path / "b.fits", **settings)
        assert result.ghosts == ()
        assert not result.labels.any()
        assert not result.boolean("Faint").any()
        assert len(result.to_table()) == 0

    def test_of_something_else_are_one_clear_error(self, exposure, settings):
        picture = np.zeros((40, 56), np.uint8)
        with pytest.raises(FrameError, match="the picture: has shape"):
            skysieve.find_ghosts(picture[0], **settings)
        with pytest.raises(ConfigError, match="mask and mask_bits go with the path of an exposure"):
            skysieve.find_ghosts(picture, mask="mask.fits", **settings)
        with pytest.raises(ConfigError, match="min_ccd_fraction 2: expected a number from 0 to 1"):
            skysieve.find_ghosts(exposure, min_ccd_fraction=2, **settings)
        with pytest.raises(ConfigError, match="unknown setting 'view'; the settings are"):
            skysieve.find_ghosts(exposure, view=1, **settings)
        with pytest.raises(SourceError, match=r"nowhere\.fits"):
            skysieve.find_ghosts("nowhere.fits", **settings)


class TestClusters:
    @pytest.fixture(scope="class")
    @classmethod
    def sky(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("sky")
        write_sky(folder / "maps", cluster_maps(), part=two_units())
        return folder / "maps", str(save_sky_model(folder / "model"))

    def test_are_a_catalogue_and_maps_and_products_in_a_folder(self, sky, tmp_path):
        maps, model = sky
        settings = {"finder": "network", "model": model, "threshold": 0.15, "least_pixels": 1}
        found = skysieve.find_clusters(maps, tmp_path / "out", **settings)
        assert isinstance(found.catalogue, Table)
        assert len(found.catalogue) == len(CLUSTERS)
        assert set(found.maps) == {"probability"}
        assert (tmp_path / "out" / "catalogue.fits").is_file()
        assert not (tmp_path / "out.parts").exists()

    def test_are_matched_with_known_catalogues(self, sky, tmp_path):
        maps, model = sky
        (tmp_path / "known.csv").write_text("name,ra,dec\nA,266.0,66.0\n")
        settings = {"finder": "network", "model": model, "threshold": 0.15, "least_pixels": 1}
        found = skysieve.find_clusters(
            [maps], tmp_path / "out", known={"MINE": tmp_path / "known.csv"}, **settings
        )
        assert [count.name for count in found.counts] == ["MINE"]

    def test_come_as_a_votable_and_in_coarser_maps_on_request(self, sky, tmp_path):
        maps, model = sky
        settings = {"finder": "network", "model": model, "threshold": 0.15, "least_pixels": 1}
        found = skysieve.find_clusters(maps, tmp_path / "out", votable=True, nside=128, **settings)
        assert (tmp_path / "out" / "catalogue.vot").is_file()
        assert found.maps["probability"].size == 12 * 128**2

    def test_need_an_output_that_is_not_there_yet(self, sky, tmp_path):
        maps, model = sky
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "catalogue.fits").write_text("")
        with pytest.raises(OutputError, match=r"catalogue\.fits"):
            skysieve.find_clusters(maps, tmp_path / "out", finder="network", model=model)

    def test_refuse_unknown_settings(self, sky, tmp_path):
        with pytest.raises(ConfigError, match="unknown setting 'galactic'; the settings are"):
            skysieve.find_clusters(sky[0], tmp_path / "out", galactic=3)
