from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from skysieve._version import __version__
from skysieve.core.errors import ConfigError
from skysieve.core.fits.cards import set_cards
from skysieve.core.fits.provenance import data_sum, provenance_cards

SHA = "0123456789abcdef" * 4


def header_of(cards) -> fits.Header:
    header = fits.Header()
    set_cards(header, cards)
    assert all(len(line) == 80 for line in re.findall(".{80}", header.tostring(), re.DOTALL))
    return fits.Header.fromstring(header.tostring())


def test_all_that_is_known_is_stated():
    header = header_of(
        provenance_cards(
            source=Path("/data/night1/frame.fits"),
            source_sum="4227224104",
            model="maximask-1.3",
            model_sha256=SHA,
            engine="onnxruntime 1.20.1 CPU",
            precision="float32",
            priors={"CR": 5e-4, "BBG": 0.1},
            thresholds={"CR": np.float64(0.43)},
            options={"tile": 512, "classes": "CR TRL"},
            when=datetime(2026, 11, 21, 4, 5, 6, tzinfo=timezone(timedelta(hours=1))),
        )
    )
    assert header["CREATOR"] == f"skysieve {__version__}"
    assert header["DATE"] == "2026-11-21T03:05:06"
    assert header["SRCFILE"] == "frame.fits"
    assert header["SRCSUM"] == "4227224104"
    assert header["MODEL"] == "maximask-1.3"
    assert header["MODELSHA"] == SHA
    assert header["ENGINE"] == "onnxruntime 1.20.1 CPU"
    assert header["PRECISN"] == "float32"
    assert (header["PRI_CR"], header["PRI_BBG"], header["THR_CR"]) == (0.0005, 0.1, 0.43)
    assert list(header["HISTORY"]) == ["skysieve: tile = 512", "skysieve: classes = CR TRL"]


def test_what_is_not_known_is_left_out():
    cards = provenance_cards()
    assert [keyword for keyword, _, _ in cards] == ["CREATOR", "DATE"]
    age = datetime.now(UTC) - datetime.fromisoformat(str(cards[1][1])).replace(tzinfo=UTC)
    assert timedelta(seconds=-1) < age < timedelta(minutes=1)


@given(st.text(min_size=1), st.text(), st.text())
def test_any_name_or_option_makes_a_valid_header(name, option, value):
    header_of(provenance_cards(source=Path("folder") / name.replace("/", "_"), options={option: value}))


def test_a_long_file_name_is_kept_whole():
    name = "n" * 120 + ".fits"
    assert header_of(provenance_cards(source=name))["SRCFILE"] == name


def test_a_class_name_too_long_for_a_keyword_is_refused():
    with pytest.raises(ConfigError, match=r"'NODATA'.*PRI_NODATA"):
        provenance_cards(priors={"NODATA": 0.1})


def test_a_threshold_that_is_no_number_is_refused():
    with pytest.raises(ConfigError, match="'CR': its threshold is nan"):
        provenance_cards(thresholds={"CR": float("nan")})


def test_a_time_without_zone_is_refused():
    with pytest.raises(ConfigError, match="no time zone"):
        provenance_cards(when=datetime(2026, 1, 1))  # noqa: DTZ001


def test_the_sum_in_the_header_is_taken():
    assert data_sum(fits.ImageHDU(np.zeros((2, 3)), fits.Header([("DATASUM", "12345", "")]))) == "12345"


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32"])
def test_a_missing_sum_is_computed_as_astropy_writes_it(tmp_path, dtype):
    path = tmp_path / "frame.fits"
    data = np.arange(35).reshape(5, 7).astype(dtype)
    fits.PrimaryHDU(data).writeto(path)
    fits.PrimaryHDU(data).writeto(tmp_path / "summed.fits", checksum=True)
    with fits.open(path) as hdus:
        computed = data_sum(hdus[0])
        assert "DATASUM" not in hdus[0].header
    assert computed == fits.getheader(tmp_path / "summed.fits")["DATASUM"]


def test_a_compressed_hdu_has_a_sum_too(tmp_path):
    path = tmp_path / "frame.fits"
    data = np.arange(35, dtype=np.int16).reshape(5, 7)
    fits.CompImageHDU(data, compression_type="GZIP_2").writeto(path)
    with fits.open(path) as hdus:
        assert data_sum(hdus[1]) == data_sum(fits.ImageHDU(data))
