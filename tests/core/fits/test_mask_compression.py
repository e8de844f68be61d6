from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skysieve.core.errors import OutputError
from skysieve.core.fits.fits_out import mask_hdu, write_fits

dtypes = st.sampled_from(
    [np.dtype(t) for t in ("bool", "u1", "i1", "<i2", ">i2", "<u2", "<i4", "<u4", "<i8")]
)
integers = hnp.arrays(
    dtypes, hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=30), elements={"min_value": 0}
).filter(lambda bits: int(bits.max()) < 2**31)
floats = hnp.arrays(st.sampled_from([np.dtype(t) for t in ("f2", "f4", "f8")]), (2, 7, 9))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fits")


def round_trip(folder, bits, **options):
    path = folder / "mask.fits"
    write_fits([fits.PrimaryHDU(), mask_hdu(bits, header=None, **options)], path, overwrite=True)
    with fits.open(path, memmap=False) as hdus:
        return hdus[1].data


class TestPixels:
    @settings(max_examples=30)
    @given(bits=integers, compression=st.sampled_from([None, "GZIP_2", "none"]))
    def test_every_value_comes_back(self, folder, bits, compression):
        data = round_trip(folder, bits, compression=compression)
        assert data.dtype.kind in "iu"
        assert data.dtype.itemsize <= 4
        assert np.array_equal(data, bits)

    @settings(max_examples=20)
    @given(bits=floats, compression=st.sampled_from([None, "GZIP_2", "none"]))
    def test_probabilities_come_back_to_the_last_bit(self, folder, bits, compression):
        data = round_trip(folder, bits, compression=compression)
        wanted = bits.astype(data.dtype)
        assert np.array_equal(wanted, bits, equal_nan=True)
        assert np.array_equal(data, wanted, equal_nan=True)
        assert np.array_equal(np.signbit(data), np.signbit(wanted))

    @pytest.mark.parametrize("zeros", [4094, 4095, 4096, 8190, 12285])
    def test_a_single_pixel_after_a_long_run_of_zeros_stays_where_it_is(self, folder, zeros):
        bits = np.zeros((2, 13000), np.int16)
        bits[0, zeros] = 8
        bits[1, -1] = 1
        assert np.array_equal(round_trip(folder, bits), bits)
        assert np.array_equal(round_trip(folder, bits, compression="PLIO_1"), bits)

    @settings(max_examples=30)
    @given(
        bits=hnp.arrays(
            np.int32,
            st.tuples(st.integers(1, 3), st.integers(1, 40)),
            elements=st.sampled_from([0, 1, 4096, 4097, 8192, 12289, 2**24 - 1]),
        )
    )
    def test_steep_changes_in_every_pixel_are_safe(self, folder, bits):
        # PLIO's encoder writes beyond its buffer for such masks: the process would end here.
        assert np.array_equal(round_trip(folder, bits), bits)
        try:
            data = round_trip(folder, bits, compression="PLIO_1")
        except OutputError as error:
            assert "too often" in str(error)  # noqa: PT017
        else:
            assert np.array_equal(data, bits)


class TestCompression:
    @pytest.mark.parametrize(
        ("bits", "expected"),
        [
            (np.zeros((4, 5), np.int16), "PLIO_1"),
            (np.full((4, 5), 2**24 - 1, np.int32), "PLIO_1"),
            (np.full((4, 5), 2**24, np.int32), "GZIP_2"),
            (np.full((4, 5), -1, np.int16), "GZIP_2"),
            (np.zeros((3, 4, 5), np.uint8), "GZIP_2"),
            (np.zeros((4, 5), np.float32), "GZIP_2"),
        ],
    )
    def test_the_compression_is_chosen_by_the_values(self, bits, expected):
        hdu = mask_hdu(bits, header=None)
        assert isinstance(hdu, fits.CompImageHDU)
        assert hdu.compression_type == expected

    def test_none_means_a_plain_image(self):
        hdu = mask_hdu(np.zeros((4, 5), np.int16), header=None, compression="none")
        assert type(hdu) is fits.ImageHDU

    @pytest.mark.parametrize(
        ("value", "dtype", "reason"),
        [(2**24, np.int32, "beyond 24 bits"), (-1, np.int16, "below 0"), (0.5, np.float32, "integers only")],
    )
    def test_plio_is_refused_where_it_fails(self, value, dtype, reason):
        with pytest.raises(OutputError, match=f"PLIO_1 cannot.*{reason}; use GZIP_2"):
            mask_hdu(np.full((4, 5), value, dtype), header=None, compression="PLIO_1")

    def test_a_frame_sized_mask_becomes_small(self, folder):
        bits = np.zeros((1000, 1000), np.int16)
        bits[::50, 3] = 1
        bits[400:403] |= 64
        write_fits([mask_hdu(bits, header=None)], folder / "small.fits", overwrite=True)
        assert (folder / "small.fits").stat().st_size < 60_000

    @pytest.mark.parametrize("bits", [np.zeros(5, np.int16), np.zeros((0, 5), np.int16)])
    def test_an_array_of_another_shape_is_refused(self, bits):
        with pytest.raises(OutputError, match="shape"):
            mask_hdu(bits, header=None)

    def test_values_that_fits_cannot_store_are_refused(self):
        with pytest.raises(OutputError, match="31 bits"):
            mask_hdu(np.full((2, 2), 2**31), header=None)
        with pytest.raises(OutputError, match="complex"):
            mask_hdu(np.zeros((2, 2), complex), header=None)
