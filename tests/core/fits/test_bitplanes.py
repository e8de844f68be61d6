from __future__ import annotations

import pytest
from astropy.io import fits
from hypothesis import example, given
from hypothesis import strategies as st

from skysieve.core.errors import ConfigError, FrameError
from skysieve.core.fits.bitplanes import MaskPlane, MaskSchema
from skysieve.core.fits.cards import set_cards

SCHEMA = MaskSchema(
    (
        MaskPlane("CR", 1, "cosmic rays"),
        MaskPlane("TRL", 64, "trails of satellites, aircraft and meteors"),
        MaskPlane("NODATA", 8192, "no data: NaN, BLANK or masked in the input"),
    )
)

names = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", min_size=1, max_size=20)
descriptions = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=150).map(str.strip)


@st.composite
def schemas(draw: st.DrawFn) -> MaskSchema:
    bits = draw(st.lists(st.integers(0, 30), min_size=1, max_size=12, unique=True))
    unique_names = draw(st.lists(names, min_size=len(bits), max_size=len(bits), unique=True))
    return MaskSchema(
        tuple(
            MaskPlane(name, 1 << bit, draw(descriptions))
            for name, bit in zip(unique_names, bits, strict=True)
        )
    )


def header_of(schema: MaskSchema) -> fits.Header:
    header = fits.Header()
    set_cards(header, schema.header_cards())
    return fits.Header.fromstring(header.tostring())


def test_a_plane_knows_its_bit():
    assert MaskPlane("NODATA", 8192).bit == 13


def test_a_value_is_interpreted_as_the_names_of_its_planes_in_their_order():
    assert SCHEMA.interpret(0) == ()
    assert SCHEMA.interpret(8192 + 1) == ("CR", "NODATA")
    assert SCHEMA.interpret(64 + 2) == ("TRL",), "a bit of no plane is passed over"


def test_both_header_styles_are_written():
    header = header_of(SCHEMA)
    assert (header["MSKN0001"], header["MSKM0001"]) == ("TRL", 64)
    assert header["MSKD0001"] == "trails of satellites, aircraft and meteors"
    assert header["MP_CR"] == 0
    assert header["MP_TRL"] == 6
    assert header["MP_NODATA"] == 13


@given(schemas())
@example(MaskSchema((MaskPlane("A", 1, "'/"), MaskPlane("B", 2, "it's '' / so"))))
def test_a_schema_comes_back_from_a_header(schema):
    assert MaskSchema.from_header(header_of(schema)) == schema


@given(schemas())
def test_without_mskn_cards_names_and_values_come_back_from_the_mp_cards(schema):
    header = header_of(schema)
    for keyword in [k for k in header if k.startswith("MSK")]:
        header.remove(keyword, ignore_missing=True)
    planes = MaskSchema.from_header(header).planes
    assert {(p.name, p.value) for p in planes} == {(p.name, p.value) for p in schema.planes}


def test_rubins_number_is_the_bit_where_the_value_is_left_out():
    header = fits.Header([("MSKN0003", "SAT", ""), ("MSKD0003", "saturated", "")])
    assert MaskSchema.from_header(header).planes == (MaskPlane("SAT", 8, "saturated"),)


@pytest.mark.parametrize("value", [0, -1, 3, 96])
def test_a_value_that_is_no_power_of_two_is_refused(value):
    with pytest.raises(ConfigError, match=f"'CR'.*{value} is not a power of two"):
        MaskPlane("CR", value)


@pytest.mark.parametrize("name", ["", "hot pixel", "CR=", "Ω"])
def test_a_name_that_no_keyword_can_hold_is_refused(name):
    with pytest.raises(ConfigError, match="a name has letters"):
        MaskPlane(name, 1)


def test_planes_with_the_same_name_or_value_are_refused():
    with pytest.raises(ConfigError, match="two mask planes are named 'cr'"):
        MaskSchema((MaskPlane("CR", 1), MaskPlane("cr", 2)))
    with pytest.raises(ConfigError, match="'CR' and 'HP' share the value 1"):
        MaskSchema((MaskPlane("CR", 1), MaskPlane("HP", 1)))


def test_a_header_without_planes_is_refused():
    with pytest.raises(FrameError, match="neither MSKN nor MP_"):
        MaskSchema.from_header(fits.Header([("OBJECT", "M 31", "")]))


def test_a_header_with_a_wrong_bit_is_refused():
    with pytest.raises(FrameError, match="wrongly"):
        MaskSchema.from_header(fits.Header([("MP_CR", "first", "")]))
