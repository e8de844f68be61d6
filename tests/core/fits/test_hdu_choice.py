"""Which HDUs of a file are frames, and which masks go with them."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from skysieve.core.errors import FrameError, SourceError
from skysieve.core.fits.frame_files import FrameFile
from skysieve.core.fits.locations import parse_location

HDUS = (fits.ImageHDU, fits.CompImageHDU, fits.BinTableHDU)


def whole(frame):
    return frame.rows(0, frame.shape[0])


def open_text(text, **options):
    return FrameFile(parse_location(str(text)), **options)


def write(path, *images, **cards):
    """Write images, each an array or (name, array) or HDU, as extensions; a single array as primary."""
    if len(images) == 1 and isinstance(images[0], np.ndarray):
        fits.PrimaryHDU(images[0]).writeto(path, overwrite=True)
        return path
    hdus = [fits.PrimaryHDU()]
    for image in images:
        name, data = image if isinstance(image, tuple) else (None, image)
        hdus.append(data if isinstance(data, HDUS) else fits.ImageHDU(data, name=name))
    for index, hdu in enumerate(hdus[1:]):
        hdu.header.update({key: values[index] for key, values in cards.items()})
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path


def ramp(dtype="f4", shape=(40, 50)):
    return (np.arange(np.prod(shape)) % 100).reshape(shape).astype(dtype)


def assert_frame_is(frame, values, missing):
    pixels, nodata = whole(frame)
    np.testing.assert_array_equal(nodata, missing)
    np.testing.assert_array_equal(pixels, np.where(missing, 0, values))


def test_every_image_of_a_file_is_a_frame_and_others_say_why_not(tmp_path):
    table = fits.BinTableHDU(np.zeros(3, [("x", "f4")]), name="CAT")
    path = write(
        tmp_path / "a.fits",
        ("ONE", ramp()),
        table,
        ("CUBE", ramp(shape=(2, 40, 50))),
        ("LINE", np.zeros(100)),
        ("SMALL", np.zeros((31, 50))),
        ("HUGE", np.zeros((1, 1, 1, 40, 50))),
        ramp("u2", (32, 32)),
    )
    with open_text(path) as file:
        assert [(hdu.index, hdu.name, hdu.shape, len(hdu.planes)) for hdu in file.frames] == [
            (1, "ONE", (40, 50), 1),
            (3, "CUBE", (2, 40, 50), 2),
            (7, "", (32, 32), 1),
        ]
        assert [frame.label.removeprefix(str(path)) for frame in file.planes] == [
            "[ONE,1]",
            "[CUBE,1] plane 1",
            "[CUBE,1] plane 2",
            "[7]",
        ]
        assert [(hdu.index, hdu.reason) for hdu in file.others] == [
            (0, "no data"),
            (2, "table"),
            (4, "1-D"),
            (5, "50 x 31, smaller than 32 pixels"),
            (6, "5-D"),
        ]
        assert file.frames[0].header["EXTNAME"] == "ONE"
        assert len(file.hdus) == 8
        assert file.path == path


def test_planes_of_cubes_come_in_the_order_of_numpy(tmp_path):
    values = np.arange(6, dtype="i2").reshape(2, 3, 1, 1) + np.zeros((40, 50), "i2")
    with open_text(write(tmp_path / "a.fits", values)) as file:
        assert [whole(frame)[0][0, 0] for frame in file.planes] == [0, 1, 2, 3, 4, 5]
        assert [frame.plane for frame in file.planes] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    with open_text(write(tmp_path / "a.fits", ramp(shape=(1, 1, 40, 50)))) as file:
        assert_frame_is(file.planes[0], ramp(), np.zeros((40, 50), bool))


@pytest.mark.parametrize(
    ("names", "frames"),
    [
        (["SCI", "ERR", "DQ", "SCI", "AREA"], [1, 4]),
        (["N1", "BPM", "IVAR", "N2"], [1, 4]),
        (["image", "mask", "Variance"], [1]),
        (["SAMP", "TIME", "WHT", "VAR", "MAIN"], [5]),
    ],
)
def test_images_that_are_no_pictures_of_the_sky_are_left_out_by_name(tmp_path, names, frames):
    path = write(tmp_path / "a.fits", *((name, ramp()) for name in names))
    with open_text(path) as file:
        assert [hdu.index for hdu in file.frames] == frames
        assert all(" by its name" in hdu.reason for hdu in file.others[1:])
        assert [hdu.left_out for hdu in file.others] == [False, *[True] * (len(file.others) - 1)]
    with open_text(f"{path}[{names[1]}]") as file:
        assert [hdu.index for hdu in file.frames] == [2], "unless they are asked for"


def test_large_integers_are_told_apart_when_pixels_are_examined(tmp_path):
    # single precision would round them to one value, as in a mask
    counts = 2**30 + np.random.default_rng(1).integers(0, 30, (64, 64))
    path = write(tmp_path / "a.fits", ramp("i2"), np.kron(np.eye(2), np.ones((32, 32))).astype("i4"))
    with open_text(path) as file:
        assert [hdu.index for hdu in file.frames] == [1]
    path = write(tmp_path / "a.fits", (None, counts.astype("i4")), ("OTHER", np.eye(64, dtype="i2")))
    with open_text(path) as file:
        assert 1 in [hdu.index for hdu in file.frames]


@pytest.mark.parametrize(
    ("card", "reason"), [("MSKN0000", "bit-plane mask"), ("MM_UTC", "product of MaxiMask")]
)
def test_a_mask_is_left_out_by_its_header(tmp_path, card, reason):
    planes = fits.CompImageHDU(ramp("i2"), name="TRUTH", compression_type="GZIP_2")
    planes.header[card] = "x"
    path = write(tmp_path / "a.fits", ramp(), planes)
    with open_text(path) as file:
        assert [hdu.index for hdu in file.frames] == [1]
        assert [(hdu.index, hdu.reason) for hdu in file.others] == [(0, "no data"), (2, reason)]
    with open_text(f"{path}[TRUTH]") as file:
        assert [hdu.index for hdu in file.frames] == [2], "unless it is asked for"
    with open_text(path, mask_hdu="TRUTH", mask_bits="any") as file:
        assert file.others[1].reason == "mask of the frames"
    with pytest.raises(FrameError, match=rf"1 TRUTH,1 \({reason}\); name an HDU, as file.fits\[1\]"):
        open_text(write(tmp_path / "b.fits", planes))


@pytest.mark.parametrize(
    ("hdu", "index"), [("1", 1), ("3", 3), ("SCI", 1), ("sci,2", 3), ("SCI,1", 1), ("ERR", 2), ("PRIMARY", 0)]
)
def test_a_location_chooses_one_hdu(tmp_path, hdu, index):
    path = write(tmp_path / "a.fits", ("SCI", ramp()), ("ERR", ramp()), ("SCI", ramp()), EXTVER=[1, 1, 2])
    with fits.open(path, mode="update") as hdus:
        hdus[0].data = ramp()
    with open_text(f"{path}[{hdu}]") as file:
        assert [frame.index for frame in file.frames] == [index]
        assert [(other.index, other.reason) for other in file.others] == [
            (other, "not asked for") for other in range(4) if other != index
        ]


@pytest.mark.parametrize(
    ("hdu", "error", "message"),
    [
        (
            "9",
            SourceError,
            r"no such HDU; the file has 0 PRIMARY \(no data\), 1 SCI,1 \(50 x 40\), 2 CAT,1 \(table\)",
        ),
        ("DQ", SourceError, "no such HDU; the file has 0 PRIMARY"),
        ("SCI,2", SourceError, "no such HDU"),
        ("0", SourceError, r"is not an image \(no data\); the file has"),
        ("CAT", SourceError, r"is not an image \(table\); the file has"),
        ("SMALL", FrameError, "it is 20 x 40, smaller than 32 pixels; name another"),
        ("DEEP", FrameError, "it is 5-D"),
    ],
)
def test_an_hdu_that_cannot_be_had_is_refused_with_what_there_is(tmp_path, hdu, error, message):
    path = write(
        tmp_path / "a.fits",
        ("SCI", ramp()),
        fits.BinTableHDU(np.zeros(3, [("x", "f4")]), name="CAT"),
        ("SMALL", np.zeros((40, 20))),
        ("DEEP", np.zeros((1, 1, 1, 40, 50))),
    )
    with pytest.raises(error, match=message) as caught:
        open_text(f"{path}[{hdu}]")
    assert str(caught.value).startswith(f"{path}[{hdu}]: ")
    assert "\n" not in str(caught.value)


def test_a_file_without_frames_says_why(tmp_path):
    path = write(tmp_path / "a.fits", ("ERR", ramp()), *[np.zeros((5, 5))] * 15)
    with pytest.raises(
        FrameError, match=r"has no frame: 0 PRIMARY \(no data\), 1 ERR,1 \(errors by"
    ) as caught:
        open_text(path)
    assert str(caught.value).count("\n") == 0
    assert "2 (5 x 5, smaller than 32 pixels)" in str(caught.value)
    assert "and 5 more" in str(caught.value)
    with open_text(path, minimum_size=5) as file:
        assert len(file.frames) == 15


def test_zero_sized_axes_are_no_data(tmp_path):
    path = write(tmp_path / "a.fits", ramp())
    content = path.read_bytes()
    path.write_bytes(
        content[:2880].replace(b"NAXIS1  =                   50", b"NAXIS1  =                    0")
    )
    with pytest.raises(FrameError, match=r"0 PRIMARY \(no data\); a frame is an image of 32 x 32 pixels"):
        open_text(path)


def mask_file(path, **cards):
    bad = [ramp() % 7 == 0, ramp() % 5 == 0]
    write(
        path,
        ("SCI", ramp()),
        ("FLAG", bad[0].astype("u1") * 8),
        ("SCI", ramp()),
        ("FLAG", bad[1].astype("u2")),
        **(cards or {"EXTVER": [1, 1, 2, 2]}),
    )
    return bad


@pytest.mark.parametrize("name", ["FLAG", "flag"])
def test_a_mask_named_goes_with_the_frame_of_its_version(tmp_path, name):
    bad = mask_file(tmp_path / "a.fits")
    with open_text(tmp_path / "a.fits", mask_hdu=name) as file:
        for frame, missing in zip(file.planes, bad, strict=True):
            assert_frame_is(frame, ramp(), missing)
        assert [other.reason for other in file.others] == ["no data", *["mask of the frames"] * 2]
    with open_text(f"{tmp_path / 'a.fits'}[SCI,2]", mask_hdu=name) as file:
        assert_frame_is(file.planes[0], ramp(), bad[1])


def test_a_mask_by_number_serves_every_frame(tmp_path):
    bad = mask_file(tmp_path / "a.fits")
    with open_text(f"{tmp_path / 'a.fits'}[1]", mask_hdu=4) as file:
        assert_frame_is(file.planes[0], ramp(), bad[1])
    with pytest.raises(FrameError, match=r"mask 2: is one of several HDUs FLAG.*give the name FLAG"):
        open_text(tmp_path / "a.fits", mask_hdu=2)
    path = write(tmp_path / "b.fits", ("SCI", ramp()), ("SCI", ramp()), bad[0].astype("i2"), ramp())
    with open_text(path, mask_hdu=3) as file:
        assert [hdu.index for hdu in file.frames] == [1, 2]
        for frame in file.planes:
            assert_frame_is(frame, ramp(), bad[0])


def test_one_mask_serves_all_planes_of_a_cube(tmp_path):
    values, bad = ramp(shape=(2, 40, 50)), ramp() % 7 == 0
    masks = np.stack([bad, ~bad]).astype("i2")
    path = write(tmp_path / "a.fits", ("SCI", values), ("ONE", bad.astype("i2")), ("EACH", masks))
    for mask_hdu, missing in (("ONE", (bad, bad)), ("EACH", (bad, ~bad))):
        with open_text(path, mask_hdu=mask_hdu) as file:
            for frame, data, gone in zip(file.planes, values, missing, strict=True):
                assert_frame_is(frame, data, gone)


@pytest.mark.parametrize(
    ("hdu", "mask_hdu", "error", "message"),
    [
        ("", "BPM", SourceError, "mask BPM: no such HDU; the file has"),
        ("", 12, SourceError, "mask 12: no such HDU"),
        ("", 0, SourceError, r"mask 0: HDU 0 is not an image \(no data\)"),
        ("[FLAG]", "FLAG", SourceError, "mask FLAG: is the HDU to be processed"),
        ("[SMALL]", "FLAG", FrameError, r"SMALL,1\]: its mask, HDU 2, has shape \(40, 50\), not \(33, 50\)"),
        ("[SCI,3]", "FLAG", FrameError, "0 of the masks have EXTVER 3"),
    ],
)
def test_masks_that_do_not_fit_are_refused(tmp_path, hdu, mask_hdu, error, message):
    path = write(
        tmp_path / "a.fits",
        ("SCI", ramp()),
        ("FLAG", ramp("u1")),
        ("SCI", ramp()),
        ("FLAG", ramp("u1")),
        ("SMALL", ramp(shape=(33, 50))),
        ("SCI", ramp()),
        EXTVER=[1, 1, 2, 2, 1, 3],
    )
    with pytest.raises(error, match=message):
        open_text(f"{path}{hdu}", mask_hdu=mask_hdu)


def test_masks_of_one_version_cannot_be_told_apart(tmp_path):
    mask_file(tmp_path / "a.fits", EXTVER=[1, 1, 1, 1])
    with pytest.raises(FrameError, match="2 of the masks have EXTVER 1"):
        open_text(tmp_path / "a.fits", mask_hdu="FLAG")
