"""The class registry, bit maps and configuration files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skysieve.core.errors import ConfigError
from skysieve.frames.mask.bitmaps import SURVEYS, read_bit_map
from skysieve.frames.mask.classes import (
    CLASSES,
    DEFAULT_BAD,
    NODATA,
    bit_flag_map,
    find_class,
    select_bad,
    select_classes,
)
from skysieve.frames.mask.config_files import read_class_config

PUBLISHED_CODES = {
    "CR": 1,
    "HCL": 2,
    "DCL": 4,
    "HP": 8,
    "DP": 16,
    "P": 32,
    "TRL": 64,
    "FR": 128,
    "NEB": 256,
    "SAT": 512,
    "SP": 1024,
    "OV": 2048,
    "BBG": 4096,
    "BG": 0,
}


class TestRegistry:
    def test_has_the_published_codes_in_the_published_order(self):
        assert {c.name: c.code for c in CLASSES} == PUBLISHED_CODES
        assert [c.name for c in CLASSES] == list(PUBLISHED_CODES)

    def test_no_data_has_a_plane_of_its_own(self):
        assert NODATA.code == 8192

    def test_defaults_are_probabilities(self):
        assert all(0 < c.default_prior < 1 and 0 < c.training_prior < 1 for c in CLASSES)
        assert all(0 < c.default_threshold < 1 for c in CLASSES)

    def test_sources_background_and_faint_structure_are_not_bad_by_default(self):
        assert {c.name for c in CLASSES} - set(DEFAULT_BAD) == {"BBG", "BG", "NEB", "FR"}

    def test_classes_are_chosen_as_bad_by_name(self):
        assert [c.name for c in select_bad(" trl,CR, nodata,")] == ["CR", "TRL"]
        assert select_bad([]) == ()
        with pytest.raises(ConfigError, match="unknown class 'XX'"):
            select_bad("CR,XX")
        with pytest.raises(ConfigError, match="BG cannot be bad"):
            select_bad(["BG"])

    def test_serves_astropys_bit_flags(self):
        from astropy.nddata.bitmask import bitfield_to_boolean_mask

        mask = bitfield_to_boolean_mask(
            np.array([1, 64, 65, 0]), ignore_flags="TRL", flag_name_map=bit_flag_map()
        )
        assert mask.tolist() == [True, False, True, False]

    def test_names_are_found_in_any_case_and_by_older_ones(self):
        assert find_class("cr") is find_class("CR")
        assert find_class("STL").name == "TRL"
        with pytest.raises(ConfigError, match="unknown class 'XX'; the classes are CR"):
            find_class("XX")

    def test_a_selection_comes_in_registry_order_each_once(self):
        assert [c.name for c in select_classes(["TRL", "CR", "stl"])] == ["CR", "TRL"]
        with pytest.raises(ConfigError, match="no class"):
            select_classes([])


class TestBitMaps:
    @pytest.mark.parametrize("survey", SURVEYS)
    def test_of_surveys_take_16_bits_where_their_values_fit(self, survey):
        bits = np.arange(16384).reshape(128, 128)
        translated = read_bit_map(survey).translate(bits)
        assert translated.dtype == (np.int32 if survey == "euclid" else np.int16)
        assert translated[0, 0] == 0
        assert translated.shape == bits.shape

    @given(st.integers(0, 16383))
    def test_of_bits_or_their_values(self, value):
        des = read_bit_map("des")
        expected = 0
        for name, bit in des.values.items():
            code = 8192 if name == "NODATA" else PUBLISHED_CODES[name]
            expected |= bit if value & code else 0
        assert des.translate(np.array([[value]]))[0, 0] == expected

    def test_of_codes_take_the_first_that_matches(self):
        noirlab = read_bit_map("noirlab")
        cosmic_ray, saturated = PUBLISHED_CODES["CR"], PUBLISHED_CODES["SAT"]
        found = noirlab.translate(np.array([cosmic_ray, saturated, cosmic_ray | saturated, 8192]))
        assert found.tolist() == [5, 3, 3, 2]

    def test_come_from_files(self, tmp_path):
        path = tmp_path / "mine.toml"
        path.write_text('kind = "bits"\n[values]\nCR = 65536\nnodata = 1\n')
        bit_map = read_bit_map(str(path))
        assert bit_map.translate(np.array([1, 64, 8192])).tolist() == [65536, 0, 1]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("kind = ", "not valid TOML"),
            ('kind = "other"\n[values]\nCR = 1\n', "needs kind"),
            ('kind = "bits"\n', "needs kind"),
            ('kind = "bits"\n[values]\nCR = "one"\n', "expected a positive integer"),
            ('kind = "bits"\n[values]\nCR = 0\n', "expected a positive integer"),
            ('kind = "bits"\n[values]\nXX = 1\n', "unknown class"),
        ],
    )
    def test_that_are_wrong_are_refused(self, tmp_path, text, message):
        path = tmp_path / "wrong.toml"
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            read_bit_map(str(path))

    def test_that_do_not_exist_are_refused(self):
        with pytest.raises(ConfigError, match="neither a survey"):
            read_bit_map("nowhere")


def rows(values):
    return "".join(f"{c.name} {value}\n" for c, value in zip(CLASSES, values, strict=True))


class TestConfigFolders:
    def test_an_empty_folder_means_the_defaults(self, tmp_path):
        config = read_class_config(tmp_path)
        assert config.classes == tuple(PUBLISHED_CODES)
        assert (config.priors, config.thresholds) == ({}, {})  # the model's own

    def test_each_file_counts_by_itself(self, tmp_path):
        (tmp_path / "classes.flags").write_text(rows([1] + [0] * 13))
        assert read_class_config(tmp_path).classes == ("CR",)
        assert read_class_config(tmp_path).thresholds == {}

    @given(values=st.lists(st.floats(1e-6, 0.999), min_size=14, max_size=14))
    def test_values_come_back(self, tmp_path_factory, values):
        folder = tmp_path_factory.mktemp("config")
        (folder / "classes.priors").write_text(rows(values))
        (folder / "classes.thresh").write_text(rows(values))
        config = read_class_config(folder)
        assert list(config.priors.values()) == values
        assert list(config.thresholds.values()) == values

    def test_the_older_name_of_trails_is_understood(self, tmp_path):
        (tmp_path / "classes.thresh").write_text(rows([0.5] * 14).replace("TRL", "STL"))
        assert read_class_config(tmp_path).thresholds["TRL"] == 0.5

    @pytest.mark.parametrize(
        ("file", "text", "message"),
        [
            ("classes.flags", rows([1] * 14).replace("CR 1\n", ""), "has 13 rows"),
            ("classes.flags", rows([2] * 14), "row 1: CR is '2', expected 0 or 1"),
            ("classes.flags", rows([0] * 14), "every flag is 0"),
            ("classes.priors", rows(["often"] * 14), "row 1: CR is 'often', expected a number"),
            ("classes.priors", rows([0.5] * 13 + [1.0]), "row 14: BG is '1.0', expected a number between"),
            ("classes.thresh", rows(["nan"] * 14), "expected a number from 0 to 1"),
            ("classes.thresh", rows([0.5] * 14).replace("HP", "XX"), "row 4: unknown class 'XX'"),
            ("classes.thresh", rows([0.5] * 14).replace("HP", "CR"), "row 4: found CR, expected HP"),
            ("classes.thresh", rows([0.5] * 14).replace("HP 0.5", "HP"), "row 4: expected 'NAME value'"),
        ],
    )
    def test_wrong_rows_are_named(self, tmp_path, file, text, message):
        (tmp_path / file).write_text(text)
        with pytest.raises(ConfigError, match=message):
            read_class_config(tmp_path)

    def test_a_missing_folder_is_an_error(self, tmp_path):
        with pytest.raises(ConfigError, match="no such configuration folder"):
            read_class_config(tmp_path / "none")
