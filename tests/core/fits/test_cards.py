from __future__ import annotations

import logging
import warnings

import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from skysieve.core.fits.cards import inherit_cards, keep_cards, set_cards

text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80)


def header_of(*lines: str) -> fits.Header:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of Astropy on reading such a header
        return fits.Header.fromstring("".join(f"{line:80}" for line in lines))


ODD = header_of(
    "EXPTIME = NaN",
    "FILTER  = 'unfinished",
    "CRPIX1  = 10,5",
    "AIRMASS =",
    "OBJECT  = 'good'",
    "OBJECT  = 'second'",
    "DATE-OBS= '2017-03-16'  no slash before this",
    "DATE-BEG= '26/07/102'",
    "mjd-obs =              57828.0",
    "TELESCOP  'no equals sign'",
    "HISTORY  flat-fielded",
)


def test_cards_that_cannot_be_read_are_skipped(caplog):
    caplog.set_level(logging.DEBUG, "skysieve")
    inherited = inherit_cards(ODD)
    assert dict(inherited) == {"OBJECT": "good", "MJD-OBS": 57828.0}
    for keyword in ("EXPTIME", "FILTER", "CRPIX1", "AIRMASS", "DATE-OBS", "DATE-BEG", "TELESCOP"):
        assert keyword in caplog.text


def test_a_primary_keeps_repeated_cards_and_commentary_but_none_that_cannot_be_read():
    kept = keep_cards(ODD)
    assert [card.keyword for card in kept.cards] == ["OBJECT", "OBJECT", "MJD-OBS", "HISTORY"]


@pytest.mark.parametrize("take", [inherit_cards, keep_cards])
@given(lines=st.lists(text, max_size=6))
def test_no_header_is_too_odd(take, lines):
    keywords = ("EXPTIME =", "CTYPE1  =", "CD1_1   =", "CONTINUE ", "DP1     =", "DATE-OBS=")
    taken = take(header_of(*(k + line[:71] for k, line in zip(keywords, lines, strict=False))))
    fits.PrimaryHDU(header=taken).verify("exception")
    assert set(fits.Header.fromstring(taken.tostring())) == set(taken)


@pytest.mark.parametrize("take", [inherit_cards, keep_cards])
def test_the_source_is_left_as_it_was(take):
    source = ODD.copy()
    set_cards(take(source), [("OBJECT", "another", "")])
    assert [card.rawvalue for card in source.cards[4:6]] == ["good", "second"]
    assert len(source) == len(ODD)


def test_digits_stay_as_they_were_written():
    line = "CRVAL1  =  1.8732347937230000E+02 / [deg] of the reference pixel"
    assert inherit_cards(header_of(line)).cards[0].image.rstrip() == line


def test_distortion_tables_that_lie_elsewhere_are_left_out():
    inherited = inherit_cards(
        header_of(
            "CTYPE1  = 'RA---TAN'",
            "CPDIS1  = 'LOOKUP'",
            "DP1     = 'EXTVER: 1.0'",
            "DP1     = 'NAXES: 2.0'",
            "CPDIS2  = 'TPD'",
            "DP2     = 'NAXES: 2.0'",
        )
    )
    assert list(inherited) == ["CTYPE1", "CPDIS2", "DP2.NAXES"]


def test_wcsaxes_comes_first():
    inherited = inherit_cards(header_of("OBJECT  = 'M 31'", "CTYPE1  = 'RA---TAN'", "WCSAXES =   2"))
    assert list(inherited) == ["WCSAXES", "OBJECT", "CTYPE1"]


# Astropy misreads an empty value before a comment with an apostrophe.
@given(value=st.text(), comment=st.text(st.characters(exclude_characters="'")))
def test_any_text_can_be_set(value, comment):
    header = fits.Header()
    set_cards(
        header, [("TEXT", value, comment), ("HIERARCH LONG KEYWORD", 1, comment), ("HISTORY", value, "")]
    )
    again = fits.Header.fromstring(header.tostring())
    assert again["TEXT"] == header["TEXT"].rstrip()
    assert again["LONG KEYWORD"] == 1


def test_a_comment_is_left_out_where_the_value_needs_its_room():
    header = fits.Header()
    set_cards(header, [("VALUE", "v" * 60, "a comment"), ("LONG", "v" * 200, "a comment")])
    again = fits.Header.fromstring(header.tostring())
    assert (again["VALUE"], again.comments["VALUE"]) == ("v" * 60, "")
    assert again["LONG"] == "v" * 200


def test_a_card_replaces_the_one_of_the_same_keyword_but_history_is_added():
    header = fits.Header([("OBJECT", "M 31", ""), ("HISTORY", "flat-fielded", "")])
    set_cards(header, [("OBJECT", "M 33", ""), ("HISTORY", "masked", "")])
    assert header["OBJECT"] == "M 33"
    assert list(header["HISTORY"]) == ["flat-fielded", "masked"]
