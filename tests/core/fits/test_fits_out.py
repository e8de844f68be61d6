from __future__ import annotations

import gc
import gzip
import resource
import warnings
import weakref
from typing import TYPE_CHECKING

import numpy as np
import pytest
from astropy.io import fits
from astropy.io.fits.scripts import fitscheck
from astropy.wcs import WCS

from skysieve.core.errors import OutputError
from skysieve.core.fits.fits_integrity import is_intact
from skysieve.core.fits.fits_out import mask_hdu, primary_hdu, write_fits

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fits")


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
        header = self.of(folder, compression, fits.Header([("EXTNAME", "COMPRESSED_IMAGE", "")]))
        assert "EXTNAME" not in header


def test_headers_of_real_frames(folder, real_frames):
    for path in sorted(real_frames.glob("*.fit*")):
        with fits.open(path, do_not_scale_image_data=True) as hdus:
            science = [hdu for hdu in hdus if hdu.is_image and hdu.size and len(hdu.shape) == 2]
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

    def test_the_coordinates_leave_the_primary_with_its_image(self):
        with_image = fits.PrimaryHDU(self.MASK, SCIENCE).header
        assert "CTYPE1" not in primary_hdu(with_image).header
        assert primary_hdu(with_image).header["DETSEC"] == SCIENCE["DETSEC"]
        without_image = fits.PrimaryHDU(header=SCIENCE).header
        assert primary_hdu(without_image).header["CTYPE1"] == SCIENCE["CTYPE1"]

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

    def test_the_pixels_of_one_hdu_are_freed_before_those_of_the_next_are_made(self, tmp_path):
        before: list[weakref.ref[object]] = []

        def masks():
            yield primary_hdu(None)
            for _ in range(3):
                gc.collect()  # astropy's HDUs refer to themselves
                assert [one() for one in before] == [None] * len(before)
                bits = np.zeros((50, 60), np.int16)
                before.append(weakref.ref(bits))
                yield mask_hdu(bits, header=None)
                del bits

        write_fits(masks(), tmp_path / "m.fits", overwrite=False)
        assert len(before) == 3

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


def test_an_ascii_table_is_intact_in_a_product(tmp_path):
    columns = [fits.Column("FLUX", "F6.2", ascii=True, array=np.arange(100.0))]
    path = tmp_path / "product.fits"
    write_fits([fits.PrimaryHDU(), fits.TableHDU.from_columns(columns, name="STARS")], path, overwrite=False)
    assert is_intact(path)
    assert fits.getheader(path, "STARS")["DATASUM"] != "0"
    np.testing.assert_array_equal(fits.getdata(path, "STARS")["FLUX"], np.arange(100.0))
