"""Values of other surveys: each table, names of planes, and numbers from a mask."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from tests.tiny_models import save_pixel_model

from skysieve.core.errors import ConfigError, FrameError, SourceError
from skysieve.core.fits.bitplanes import MaskSchema
from skysieve.core.fits.locations import Location
from skysieve.frames.mask.bitmaps import SURVEYS, read_bit_map, read_planes
from skysieve.frames.mask.classes import NODATA, find_class
from skysieve.frames.mask.job import MaskJob
from skysieve.frames.mask.settings import MaskSettings

HIT, HOLE = (10, 20), (3, 4)


def bits(*names):
    return np.array([sum(NODATA.code if n == "NODATA" else find_class(n).code for n in names)], np.int16)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_pixel_model(tmp_path_factory.mktemp("models") / "tiny", {"CR": 20, "TRL": 20}))


@pytest.fixture
def frame(tmp_path):
    pixels = np.random.default_rng(0).normal(500, 5, (64, 72)).astype(np.float32)
    pixels[HIT], pixels[HOLE] = 1000, np.nan
    fits.PrimaryHDU(pixels).writeto(tmp_path / "a.fits")
    return Location(tmp_path / "a.fits")


@pytest.fixture
def calexp(tmp_path):
    """A mask of Rubin whose numbers are not the usual ones."""
    header = fits.Header()
    for name, bit in {"BAD": 3, "SAT": 1, "CR": 5, "EDGE": 0, "SUSPECT": 2, "NO_DATA": 8}.items():
        header[f"HIERARCH MP_{name}" if len(name) > 5 else f"MP_{name}"] = bit
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(np.zeros((64, 72), np.float32), name="IMAGE")]
    hdus += [fits.ImageHDU(np.zeros((64, 72), np.int32), header, name="MASK")]
    fits.HDUList(hdus).writeto(tmp_path / "calexp.fits")
    return tmp_path / "calexp.fits"


class TestSurveys:
    @pytest.mark.parametrize(
        ("survey", "classes", "value"),
        [
            ("des", "CR", 16),
            ("des", "TRL", 1024),
            ("noirlab", "CR", 5),
            ("lsst", "CR", 8),
            ("lsst", "SAT", 2),
            ("lsst", "HP", 1),
            ("euclid", "HP", 2),
            ("euclid", "DP", 4),
            ("euclid", "SAT", 8),
            ("euclid", "CR", 16),
            ("euclid", "HCL", 128),
            ("euclid", "NODATA", 4194304),
            ("hst", "CR", 4096),
            ("hst", "TRL", 16384),
            ("jwst", "NODATA", 1),
            ("jwst", "SAT", 2 + 1),
            ("jwst", "CR", 4 + 1),
            ("lco", "CR", 8),
            ("lco", "CR SAT HP", 8 + 2 + 1),
            ("euclid", "CR SAT", 24),
        ],
    )
    def test_have_their_own_values(self, survey, classes, value):
        assert read_bit_map(survey).translate(bits(*classes.split())).tolist() == [value]

    @pytest.mark.parametrize("survey", SURVEYS)
    def test_never_have_a_value_for_sources_nor_for_nothing(self, survey):
        bit_map = read_bit_map(survey)
        assert bit_map.translate(np.concatenate([bits("BBG"), bits()])).tolist() == [0, 0]
        assert {"CR", "SAT", "HP", "DP", "NODATA"} <= set(bit_map.values)

    @pytest.mark.parametrize("survey", SURVEYS)
    def test_go_into_files_with_the_names_of_their_bits(self, frame, model, survey):
        product = MaskJob(MaskSettings(model=model, priors=None), bits=survey).run(frame).product
        bit_map = read_bit_map(survey)
        with fits.open(product) as hdus:
            data, header = hdus[1].data, hdus[1].header
        both = bit_map.translate(bits("CR", "TRL"))[0]
        assert (data[HIT], data[HOLE]) == (both, bit_map.values["NODATA"])
        assert header["BITMAP"] == survey
        if bit_map.planes:
            names = MaskSchema.from_header(header).interpret(int(data[HIT]))
            assert set(names) == {*bit_map.names["CR"], *bit_map.names.get("TRL", ())}
            assert header["BADBITS"] & int(data[HIT]) == data[HIT]


class TestNumbersOfAMask:
    def test_are_taken_over_by_name(self, frame, model, calexp):
        job = MaskJob(MaskSettings(model=model, priors=None), bits="lsst", bits_from=f"{calexp}[MASK]")
        with fits.open(job.run(frame).product) as hdus:
            data, header = hdus[1].data, hdus[1].header
        schema = MaskSchema.from_header(header)
        assert schema.interpret(int(data[HIT])) == ("CR", "STREAK")
        assert schema.interpret(int(data[HOLE])) == ("NO_DATA",)
        assert header["MP_CR"] == 5
        assert header["MP_STREAK"] == 4  # the lowest that is free
        assert data[HOLE] == 1 << 8
        assert {p.name: p.bit for p in schema.planes}["EDGE"] == 0

    def test_are_found_in_whatever_hdu_has_them(self, calexp):
        assert read_planes(str(calexp)) == read_planes(f"{calexp}[MASK]") == read_planes(f"{calexp}[2]")

    def test_may_stand_in_either_kind_of_card(self, frame, model, calexp):
        job = MaskJob(MaskSettings(model=model), bits="lsst", bits_from=str(calexp))
        again = read_planes(str(job.run(frame).product))
        assert {p.name: p.bit for p in again.planes}["CR"] == 5

    @pytest.mark.parametrize(
        ("path", "error", "message"),
        [
            ("{}[IMAGE]", FrameError, "describes no mask planes"),
            ("{}[NOT]", SourceError, "has no such HDU"),
            ("{}[7]", SourceError, "has no such HDU"),
            ("{}.not", SourceError, "no such file"),
        ],
    )
    def test_that_are_not_there_are_one_line(self, calexp, path, error, message):
        with pytest.raises(error, match=message):
            read_planes(path.format(calexp))

    def test_do_not_go_with_a_map_of_numbers(self, calexp, model):
        for job, message in (
            (
                MaskJob(MaskSettings(model=model), bits="des", bits_from=str(calexp)),
                "'des' knows its bits by number",
            ),
            (MaskJob(MaskSettings(model=model), bits_from=str(calexp)), "name that with --bits"),
        ):
            with pytest.raises(ConfigError, match=message):
                job.check()

    def test_may_leave_no_bit(self):
        full = fits.Header([(f"MSKN{n:04d}", f"P{n}") for n in range(31)])
        with pytest.raises(ConfigError, match="mine: has no bit left for the plane CR"):
            read_bit_map("lsst").numbered_like(MaskSchema.from_header(full), origin="mine")
        far = fits.Header([("MSKN0040", "CR")])
        with pytest.raises(ConfigError, match="mine: plane CR has the value 1099511627776, beyond 31 bits"):
            read_bit_map("lsst").numbered_like(MaskSchema.from_header(far), origin="mine")


class TestNamedPlanes:
    def read(self, tmp_path, text):
        (tmp_path / "m.toml").write_text(text)
        return read_bit_map(str(tmp_path / "m.toml"))

    def test_of_a_file_may_be_combined(self, tmp_path):
        text = 'kind = "bits"\n[planes]\nA = 4\nB = 16\n[values]\nCR = ["A", "B"]\nTRL = "B"\n'
        bit_map = self.read(tmp_path, text)
        assert dict(bit_map.values) == {"CR": 20, "TRL": 16}
        assert bit_map.schema.interpret(20) == ("A", "B")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                'kind = "bits"\n[planes]\nA = 4\n[values]\nCR = "B"',
                "CR = 'B', expected one or more of the planes A",
            ),
            (
                'kind = "bits"\n[planes]\nA = 4\n[values]\nCR = 4',
                "CR = 4, expected one or more of the planes",
            ),
            ('kind = "bits"\n[planes]\nA = 4\n[values]\nCR = []', "expected one or more of the planes"),
            ('kind = "bits"\n[planes]\nA = 3\n[values]\nCR = "A"', "not a power of two"),
            ('kind = "bits"\n[planes]\nA = "x"\n[values]\nCR = "A"', "expected a power of two"),
            ('kind = "bits"\n[planes]\nA = 4\nB = 4\n[values]\nCR = "A"', "share the value 4"),
            ('kind = "codes"\n[planes]\nA = 4\n[values]\nCR = "A"', 'only kind = "bits"'),
            ('kind = "bits"\nplanes = 3\n[values]\nCR = 1', "is a table of names"),
        ],
    )
    def test_that_make_no_sense_are_one_line(self, tmp_path, text, message):
        with pytest.raises(ConfigError, match=message):
            self.read(tmp_path, text)
