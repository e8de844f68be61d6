from __future__ import annotations

import gzip
import logging
import resource
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.io.fits.scripts import fitscheck
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skysieve.errors import OutputError
from skysieve.imaging.fits_out import mask_hdu, primary_hdu, write_fits

TAN = [
    ("CTYPE1", "RA---TAN", ""),
    ("CTYPE2", "DEC--TAN", ""),
    ("CRVAL1", 187.3234793723, "[deg]"),
    ("CRVAL2", 25.47929312829, "[deg]"),
    ("CRPIX1", 20.5, ""),
    ("CRPIX2", 10.5, ""),
    ("CD1_1", -7.3e-05, ""),
    ("CD1_2", 0.0, ""),
    ("CD2_1", 0.0, ""),
    ("CD2_2", 7.3e-05, ""),
]
KEPT = [
    ("PV1_1", 1.009709449007, ""),
    ("LTV1", -1.0, ""),
    ("LTM1_1", 1.0, ""),
    ("DETSEC", "[14341:16380,4101:8188]", ""),
    ("EXTNAME", "N2", ""),
    ("EXTVER", 3, ""),
    ("INHERIT", True, ""),
    ("OBJECT", "M 31", ""),
    ("DATE-OBS", "2017-03-16T01:02:03", ""),
    ("MJD-OBS", 57828.04, ""),
    ("EXPTIME", 90.0, "[s]"),
    ("FILTER", "z", ""),
    ("CCDNUM", 33, ""),
]
DROPPED = [
    ("BSCALE", 2.0, ""),
    ("BZERO", 32768, ""),
    ("BLANK", -32768, ""),
    ("BUNIT", "adu", ""),
    ("ZCMPTYPE", "RICE_1", ""),
    ("ZBLANK", -1, ""),
    ("CHECKSUM", "AP8gAN8ZAN8fAN8Z", ""),
    ("DATASUM", "4227224104", ""),
    ("DATAMIN", 3.0, ""),
    ("SKYSIGMA", 31.8, ""),
    ("GAINA", 3.87, ""),
]
SCIENCE = fits.Header(TAN + KEPT + DROPPED)

integers = hnp.arrays(
    st.sampled_from([np.bool_, np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.int64, ">i2"]),
    hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=30),
    elements={"min_value": 0},
).filter(lambda a: int(a.max()) < 2**31)
floats = hnp.arrays(st.sampled_from([np.float16, np.float32, np.float64]), (2, 7, 9))


def written(path: Path, *hdus) -> fits.HDUList:
    """Write the HDUs, check the file by every means at hand, and return what it holds."""
    write_fits(hdus, path, overwrite=True)
    with fits.open(path, disable_image_compression=True) as raw:
        for hdu in raw:
            assert hdu.verify_checksum() == 1
            assert hdu.verify_datasum() == 1
        compressed = any("ZIMAGE" in hdu.header for hdu in raw)
    # Astropy's fitscheck does not see the sums of compressed HDUs, those of fpack's files included.
    options = ["--compliance", *(["--ignore-missing"] if compressed else [])]
    assert fitscheck.main([*options, str(path)]) == 0
    with fits.open(path, memmap=False) as hdulist:
        hdulist.verify("exception")
        for hdu in hdulist:
            _ = hdu.data
        return hdulist


def round_trip(folder: Path, bits, **options) -> np.ndarray:
    hdu = mask_hdu(bits, header=None, **options)
    return written(folder / "mask.fits", fits.PrimaryHDU(), hdu)[1].data


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fits")


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


@pytest.mark.parametrize("compression", ["PLIO_1", "GZIP_2", "none"])
class TestHeader:
    def of(self, folder, compression, science, shape=(20, 40), **options) -> fits.Header:
        hdu = mask_hdu(np.zeros(shape, np.int16), header=science, compression=compression, **options)
        return written(folder / "mask.fits", fits.PrimaryHDU(), hdu)[1].header

    def test_what_is_true_of_the_mask_is_taken_over(self, folder, compression):
        header = self.of(folder, compression, SCIENCE)
        assert {k: header.get(k) for k, _, _ in TAN + KEPT} == {k: v for k, v, _ in TAN + KEPT}
        assert header.comments["EXPTIME"] == "[s]"

    def test_what_describes_the_pixel_values_is_left_out(self, folder, compression):
        header = self.of(folder, compression, SCIENCE)
        dropped = {k for k, _, _ in DROPPED} - {"CHECKSUM", "DATASUM"}
        assert not dropped & set(header)
        assert header.get("DATASUM") != "4227224104"

    def test_the_sky_is_where_it_was(self, folder, compression):
        wcs = WCS(self.of(folder, compression, fits.Header(TAN)))
        there = WCS(fits.Header(TAN)).pixel_to_world(3, 7)
        assert wcs.pixel_to_world(3, 7).separation(there).arcsec < 1e-6

    def test_the_sky_is_where_it_was_in_a_cube(self, folder, compression):
        header = self.of(folder, compression, fits.Header(TAN), shape=(3, 20, 40))
        there = WCS(fits.Header(TAN)).pixel_to_world(3, 7)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert WCS(header).celestial.pixel_to_world(3, 7).separation(there).arcsec < 1e-6

    def test_name_and_version_may_be_given(self, folder, compression):
        header = self.of(folder, compression, SCIENCE, name="ccd07", version=2)
        assert (header["EXTNAME"].upper(), header["EXTVER"]) == ("CCD07", 2)

    def test_further_cards_are_set(self, folder, compression):
        cards = [
            ("OBJECT", "mask of M 31", ""),
            ("MSKD0000", "d" * 100, "a comment"),
            ("QUOTED", "it's " * 12, "a comment that does not fit beside the value"),
            ("HISTORY", "h" * 100, ""),
            ("HISTORY", "and more", ""),
        ]
        header = self.of(folder, compression, SCIENCE, cards=cards)
        assert header["OBJECT"] == "mask of M 31"
        assert header["MSKD0000"] == "d" * 100
        assert header["QUOTED"] == ("it's " * 12).rstrip()
        assert "".join(header["HISTORY"]) == "h" * 100 + "and more"

    def test_the_name_of_nameless_compressed_images_is_not_taken_over(self, folder, compression):
        header = self.of(folder, "none", fits.Header([("EXTNAME", "COMPRESSED_IMAGE", "")]))
        assert "EXTNAME" not in header


class TestOddHeaders:
    def header(self, *lines: str) -> fits.Header:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return fits.Header.fromstring("".join(f"{line:80}" for line in lines))

    def test_cards_that_cannot_be_read_are_skipped(self, folder, caplog):
        caplog.set_level(logging.DEBUG, "skysieve")
        science = self.header(
            "EXPTIME = NaN",
            "FILTER  = 'unfinished",
            "CRPIX1  = 10,5",
            "AIRMASS =",
            "OBJECT  = 'good'",
            "OBJECT  = 'second'",
            "DATE-OBS= '2017-03-16'  no slash before this",
            "mjd-obs =              57828.0",
            "TELESCOP  'no equals sign'",
        )
        header = mask_hdu(np.zeros((3, 4), np.int16), header=science, compression="none").header
        assert header["OBJECT"] == "good"
        assert not {"EXPTIME", "FILTER", "CRPIX1", "AIRMASS", "TELESCOP"} & set(header)
        assert "EXPTIME" in caplog.text
        written(folder / "odd.fits", fits.PrimaryHDU(), fits.ImageHDU(np.zeros((3, 4), np.int16), header))

    @given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80), max_size=5))
    def test_no_header_is_too_odd(self, lines):
        keywords = ("EXPTIME =", "CTYPE1  =", "CD1_1   =", "CONTINUE ", "DP1     =")
        science = self.header(*(k + line[:71] for k, line in zip(keywords, lines, strict=False)))
        hdu = mask_hdu(np.zeros((3, 4), np.int16), header=science, compression="none")
        assert hdu.header["NAXIS1"] == 4
        hdu.verify("exception")

    def test_distortion_tables_that_lie_elsewhere_are_left_out(self):
        science = fits.Header(TAN)
        for line in ("CPDIS1  = 'LOOKUP'", "DP1     = 'EXTVER: 1.0'", "DP1     = 'NAXES: 2.0'"):
            science.append(fits.Card.fromstring(line))
        science.append(fits.Card.fromstring("CPDIS2  = 'TPD'"))
        science.append(fits.Card.fromstring("DP2     = 'NAXES: 2.0'"))
        header = mask_hdu(np.zeros((3, 4), np.int16), header=science).header
        assert "CPDIS1" not in header
        assert not [k for k in header if k.startswith("DP1")]
        assert header["CPDIS2"] == "TPD"
        assert header["DP2.NAXES"] == 2.0

    def test_wcsaxes_comes_before_the_coordinates(self):
        science = fits.Header([*TAN, ("WCSAXES", 2, "")])
        header = mask_hdu(np.zeros((3, 4), np.int16), header=science, compression="none").header
        keywords = list(header)
        assert keywords.index("WCSAXES") < keywords.index("CTYPE1")

    def test_the_science_header_is_left_as_it_was(self):
        science = SCIENCE.copy()
        mask_hdu(np.zeros((3, 4), np.int16), header=science, name="OTHER", cards=[("OBJECT", "mask", "")])
        assert science.tostring() == SCIENCE.tostring()

    def test_headers_of_real_frames(self, folder, real_frames):
        for path in sorted(real_frames.glob("*.fit*")):
            with fits.open(path, do_not_scale_image_data=True) as hdus:
                science = [
                    hdu for hdu in hdus if hdu.is_image and hdu.data is not None and hdu.data.ndim == 2
                ]
                masks = [mask_hdu(np.zeros(hdu.shape, np.int16), header=hdu.header) for hdu in science]
                products = written(folder / "real.fits", primary_hdu(hdus[0].header), *masks)
                assert len(products) == len(science) + 1


class TestFiles:
    MASK = np.arange(20, dtype=np.int16).reshape(4, 5)

    def test_a_first_image_becomes_the_primary(self, tmp_path):
        hdu = mask_hdu(self.MASK, header=SCIENCE, compression="none")
        hdus = written(tmp_path / "mask.fits", hdu)
        assert len(hdus) == 1
        assert np.array_equal(hdus[0].data, self.MASK)
        assert hdus[0].header["EXTNAME"] == "N2"
        assert "INHERIT" not in hdus[0].header

    def test_a_first_compressed_image_gets_an_empty_primary_in_front(self, tmp_path):
        hdus = written(tmp_path / "mask.fits", mask_hdu(self.MASK, header=SCIENCE))
        assert [type(hdu) for hdu in hdus] == [fits.PrimaryHDU, fits.CompImageHDU]
        assert hdus[0].data is None

    def test_the_callers_primary_and_order_are_kept(self, tmp_path):
        primary = primary_hdu(
            fits.Header([*DROPPED, ("TELESCOP", "Blanco", "")]), cards=[("DATE", "now", "")]
        )
        masks = [mask_hdu(self.MASK, header=None, name=name) for name in ("S1", "N4", "N2")]
        hdus = written(tmp_path / "mask.fits", primary, *masks)
        assert set(hdus[0].header) & {k for k, _, _ in DROPPED} <= {
            "CHECKSUM",
            "DATASUM",
            "SKYSIGMA",
            "GAINA",
        }
        assert (hdus[0].header["TELESCOP"], hdus[0].header["DATE"]) == ("Blanco", "now")
        assert [hdu.name for hdu in hdus[1:]] == ["S1", "N4", "N2"]

    def test_a_table_may_follow(self, tmp_path):
        table = fits.BinTableHDU.from_columns([fits.Column("x", "D", "pix", array=[1.0, 2.0])])
        assert written(tmp_path / "t.fits", table)[1].data["x"].tolist() == [1.0, 2.0]

    def test_a_name_in_gz_makes_a_gzip_file_the_same_each_time(self, tmp_path):
        hdu = mask_hdu(self.MASK, header=None, compression="none")
        hdus = written(tmp_path / "mask.fits.gz", hdu)
        assert np.array_equal(hdus[0].data, self.MASK)
        content = (tmp_path / "mask.fits.gz").read_bytes()
        assert gzip.decompress(content).startswith(b"SIMPLE")
        assert content[4:8] == bytes(4), "the time of packing"

    def test_a_name_in_fz_is_but_a_name(self, tmp_path):
        written(tmp_path / "mask.fits.fz", mask_hdu(self.MASK, header=None))
        assert (tmp_path / "mask.fits.fz").read_bytes().startswith(b"SIMPLE")

    def test_an_existing_file_is_kept_unless_told_otherwise(self, tmp_path):
        path = tmp_path / "mask.fits"
        path.write_bytes(b"old")
        with pytest.raises(OutputError, match="exists; use --overwrite"):
            write_fits([fits.PrimaryHDU()], path, overwrite=False)
        assert path.read_bytes() == b"old"
        write_fits([fits.PrimaryHDU()], path, overwrite=True)
        assert path.stat().st_size == 2880

    def test_hdus_against_the_standard_are_refused(self, tmp_path):
        hdu = fits.PrimaryHDU()
        hdu.header.append(fits.Card.fromstring("EXP$TIME= 90.0"))
        with pytest.raises(OutputError, match=r"mask\.fits: not valid FITS: [^\n]+$"):
            write_fits([hdu], tmp_path / "mask.fits", overwrite=False)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["mask.fits", "mask.fits.gz"])
    def test_when_the_system_stops_the_write_the_old_file_stays(self, tmp_path, name):
        path = tmp_path / name
        path.write_bytes(b"old")
        noise = np.random.default_rng(1).integers(0, 2**15, (200, 200), np.int16)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        try:
            with pytest.raises(OutputError, match=r"^cannot write [^\n]+$"):
                write_fits([fits.PrimaryHDU(noise)], path, overwrite=True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]
