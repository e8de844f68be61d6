"""Settings: a field, its help and its bounds."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from skysieve.core.errors import ConfigError
from skysieve.core.settings import check_bounds, option_help, options_of, setting


@dataclass(frozen=True, kw_only=True)
class Base:
    """Settings that others build on.

    Attributes
    ----------
    threads
        Number of ``CPU`` threads,
        by default all.
    """

    threads: int | None = setting(None, minimum=1, maximum=64)


@dataclass(frozen=True, kw_only=True)
class Settings(Base):
    """Settings of an example.

    Attributes
    ----------
    low, high
        Bounds of a range.

    hidden
        No option of the command line.

    Notes
    -----
    views
        This is no entry.
    """

    low: float = setting(0.0, minimum=0)
    high: float = setting(1.0, maximum=1)
    hidden: str = ""
    views: int = setting(1)


class TestHelp:
    def test_is_the_entry_in_the_docstring_on_one_line(self):
        assert option_help(Settings, "threads") == "Number of `CPU` threads, by default all."

    @pytest.mark.parametrize("name", ["low", "high"])
    def test_of_names_that_share_an_entry(self, name):
        assert option_help(Settings, name) == "Bounds of a range."

    def test_of_a_setting_without_an_entry_is_an_error(self):
        with pytest.raises(LookupError, match=r"Settings\.views has no entry"):
            option_help(Settings, "views")


def test_fields_without_an_option_are_left_out():
    assert [field.name for field, _ in options_of(Settings)] == ["threads", "low", "high", "views"]


class TestBounds:
    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"low": -1}, "low -1: expected at least 0"),
            ({"high": 1.5}, r"high 1\.5: expected at most 1"),
            ({"threads": 65}, "threads 65: expected from 1 to 64"),
        ],
    )
    def test_values_beyond_them_are_refused(self, values, message):
        with pytest.raises(ConfigError, match=message):
            check_bounds(Settings(**values))

    def test_values_within_them_and_none_are_taken(self):
        check_bounds(Settings(low=0, high=1, threads=None))
