"""Recognise images that are not science images by EXTNAME, header cards and file names.

The names are those of HST, JWST and Roman (STScI), Rubin, DES, the NOIRLab pipeline, Euclid, ESO and CASU,
Pan-STARRS, ZTF, SDSS and DESI, WISE, Spitzer, TESS, LCO and Gemini, and those that SExtractor, SWarp, ccdproc
and photutils write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from skysieve.core.fits.naming import fits_stem

if TYPE_CHECKING:
    from pathlib import Path

    from astropy.io import fits

__all__ = ["ImageKind", "Kind", "classify_file_name", "classify_header", "classify_name", "is_science_name"]

Kind = Literal["mask", "weights", "errors", "exposure map", "background", "no picture of the sky"]
"""Kind of an image that accompanies a science image."""


@dataclass(frozen=True)
class ImageKind:
    """Kind of an image according to a name or a card.

    Attributes
    ----------
    kind
        The kind.
    certain
        False for words that can also name a science image, such as ``SKY``. They count only if the file has a
        science image of the same shape.
    """

    kind: Kind
    certain: bool = True


# Words with the same meaning at any position in a name.
_CERTAIN: dict[Kind, str] = {
    "mask": "MASK MASKS MASKBITS MSK DQ DQM DQS DATAQUALITY BPM BPMASK BADPIX BADPIXEL BADPIXELS BADP FLAG "
    "FLAGS FLG QUAL QUALITY QUALDATA BITMASK OOD SEG SEGM SEGMENTATION OBJMASK GROUPDQ PIXELDQ REJ REJECTED "
    "DETMASK DQMASK",
    "weights": "WEIGHT WEIGHTS WGT WGHT WHT WT WTMAP WMAP IVAR INVVAR INVVARIANCE INVERSEVARIANCE IVARRAW "
    "CONF CONFIDENCE OOW EXPWT WGTMAP",
    "errors": "ERR ERRS ERROR ERRORS ERRDATA UNC UNCERT UNCERTAINTY UNCERTAINTIES BUNC VAR VARS VARIANCE "
    "VARIANCES RMS RMSE STD STDEV STDDEV STDERR SIGMA READNOISE RDNOISE RNOISE NOISEMAP SIGMAP SIGIMAGE",
    "exposure map": "EXPMAP EXPOSUREMAP EXPTIME EXPTIMES TEXP EXPIMG EXPIMAGE COVERAGE CVG COV NEXP "
    "NEXPOSURES RRHR CTX CONTEXT NCOMBINE NIMAGES NINPUT NSAMP CNTX DEPTHMAP",
    "background": "BKG BKGD BKGR BKGDMODEL BACKGROUND BACKGROUNDS BGMODEL SKYBG SKYMODEL SUBSKY MINIBACK "
    "MINIBACKGROUND SKYBKG BKGMODEL SKYBACKGROUND",
    "no picture of the sky": "D2IMARR WCSDVARR SIPWCS PSFIMAGE WAVEIMG PATHLOSS BARSHADOW APERTURES GAINMAP",
}
# Words of STScI that count only as the whole name: they are too short to count at the end of a longer one.
_ALONE: dict[Kind, str] = {
    "exposure map": "CON SAMP TIME NIMAGE NUM",
    "mask": "BP BADPIXELMASK TRUTH LABEL LABELS IGNORE",
    "errors": "SIG",
}
# Words that can also name science images.
_AMBIGUOUS: dict[Kind, str] = {
    "exposure map": "EXP EXPOSURE DEPTH CNT",
    "background": "SKY SKYMAP BACK BG BGD",
    "errors": "NOISE STAT",
    "no picture of the sky": "AREA PSF KERNEL MODEL MODELS FLAT FLATFIELD DARK BIAS GAIN REFOUT ZEROFRAME "
    "CHI OBJECTS FILTERED WAVELENGTH WAVE TILTS TEMPLATE REF REFERENCE SNR SN OBJMODEL BEFORE",
}
# First words of names with several words, such as VAR_POISSON or MASK_A.
_PREFIX: dict[Kind, str] = {
    "mask": "MASK DQ BPM FLAG FLAGS",
    "weights": "WEIGHT WHT IVAR INVVAR",
    "errors": "ERR ERROR UNCERT VAR VARIANCE RMS",
    "exposure map": "EXPMAP",
}
# Nouns at the end of a name that do not tell the kind of image.
_NOUNS = frozenset(["MAP", "IMAGE", "IMG", "IM", "ARRAY", "PLANE", "DATA", "EXT", "HDU", "EXTENSION"])
# Parts of compound words: SCIERR, REFUNC, ERRIMAGE, WEIGHTMAP, MSKIMG.
_COMPOUND_FRONT = (
    "(?:SCI|IMAGE|IMG|IM|BAD|PIXEL|PIX|CR|STAR|SAT|GROUP|REF|DET|DETECTION|COADD|STACK|PIPE|GHOST"
    "|SKY|BKG|BACK|BG|POISSON|READ|FLAT|TOTAL)?"
)
_COMPOUND_BACK = "(?:MAP|MAPS|IMAGE|IMAGES|IMG|IM|ARRAY|ARR|PLANE|EXT|HDU|DATA|MODEL)?"
_SCIENCE = frozenset({"SCI", "SCIENCE"})


def _table(words: dict[Kind, str]) -> dict[str, Kind]:
    return {word: kind for kind, line in words.items() for word in line.split()}


_CERTAIN_WORDS, _ALONE_WORDS, _AMBIGUOUS_WORDS, _PREFIX_WORDS = map(
    _table, (_CERTAIN, _ALONE, _AMBIGUOUS, _PREFIX)
)
_COMPOUND = re.compile(
    f"{_COMPOUND_FRONT}({'|'.join(sorted(_CERTAIN_WORDS, key=len, reverse=True))}){_COMPOUND_BACK}"
)
_NUMBER = re.compile(r"(?<=[A-Z])\d+$")


def is_science_name(name: str) -> bool:
    """Check whether an EXTNAME names a science image: SCI, or a name that ends in it.

    Parameters
    ----------
    name
        EXTNAME.

    Returns
    -------
    bool
        Whether it does.

    Examples
    --------
    >>> is_science_name("SCI"), is_science_name("det11.sci"), is_science_name("SCI2"), is_science_name("N4")
    (True, True, True, False)
    """
    words = _words(name)
    return bool(words) and words[-1] in _SCIENCE


def classify_name(name: str) -> ImageKind | None:
    """Return the kind of image that an EXTNAME states, or None for a science image.

    Numbers after a word and nouns such as MAP or IMAGE are ignored. In a name of several words the last one
    decides.

    Parameters
    ----------
    name
        EXTNAME.

    Returns
    -------
    ImageKind or None
        The kind.

    Examples
    --------
    >>> classify_name("WEIGHT2"), classify_name("CAMERA.CCD 1.1 uncert")
    (ImageKind(kind='weights', certain=True), ImageKind(kind='errors', certain=True))
    >>> classify_name("SKY")
    ImageKind(kind='background', certain=False)
    >>> classify_name("N4"), classify_name("background-subtracted")
    (None, None)
    """
    words = _words(name)
    if not words or name.strip().startswith("-"):  # SExtractor's -BACKGROUND: background-subtracted image
        return None
    last = words[-1]
    kind = _certain_kind(last)
    if kind is None and len(words) == 1:
        kind = _ALONE_WORDS.get(last)
    if kind is not None:
        return ImageKind(kind)
    if last in _AMBIGUOUS_WORDS:
        kind = _AMBIGUOUS_WORDS[last]
        is_map = kind in ("exposure map", "errors") and name.upper().endswith("MAP")
        return ImageKind(kind, certain=is_map)
    if len(words) > 1 and words[0] in _PREFIX_WORDS:
        return ImageKind(_PREFIX_WORDS[words[0]], certain=False)
    return None


_HDUCLAS: dict[str, Kind] = {
    **dict.fromkeys(("MSE", "RMSE", "INVMSE", "INVRMSE"), "errors"),
    **dict.fromkeys(("FLAG8BIT", "FLAG16BIT", "FLAG32BIT", "MASKZERO", "MASKONE"), "mask"),
    **dict.fromkeys(("EXPOSURE", "EXPOSURE_MAP", "VIGNET"), "exposure map"),
    **dict.fromkeys(("BKG", "BACKGROUND"), "background"),
    **dict.fromkeys(("REDIST", "RESPONSE", "RMF", "PSF", "ARF"), "no picture of the sky"),
}
_IMAGE_CARDS = ("DES_EXT", "EXTTYPE", "UTYPE")
_FILE_CARDS = ("PRODTYPE", "PRODCATG", "ESO PRO CATG", "IMTYPE")
_OBSERVED_CARDS = ("OBSTYPE", "IMAGETYP")
_UNCERTAINTY = re.compile(r"(STDDEV|VARIANCE|UNKNOWN)?UNCERTAINTY|INVERSEVARIANCE")


def classify_header(header: fits.Header, primary: fits.Header) -> ImageKind | None:
    """Return the kind of image that the cards of an image or of its file state, or None for a science image.

    Parameters
    ----------
    header
        Header of the image.
    primary
        Primary header of the file; pipelines that write each kind of product to its own file state the kind
        there.

    Returns
    -------
    ImageKind or None
        The kind.

    References
    ----------
    ESO Science Data Products Standard 9, section 3 (HDUCLAS1 to HDUCLAS3, PRODCATG); OGIP/92-013b (HDUCLASn).
    """
    for card in ("HDUCLAS1", "HDUCLAS2", "HDUCLAS3"):
        value = _text(header, card).upper()
        kind = _HDUCLAS.get(value) or _certain_kind(value)
        if kind is not None:
            return ImageKind(kind)
    for source in (header,) if header is primary else (header, primary):
        for card in (*_FILE_CARDS, *(_IMAGE_CARDS if source is header else ())):
            value = _text(source, card)
            if _UNCERTAINTY.fullmatch(value.upper()):
                return ImageKind("errors")
            named = classify_name(value)
            if named is not None and named.certain:
                return named
        for card in _OBSERVED_CARDS:  # science frames have these too; BACKGROUND and SKY are images here
            named = classify_name(_text(source, card))
            if named is not None and named.certain and named.kind in ("mask", "weights"):
                return named
    return None


_NOIRLAB_FILE = re.compile(r"[a-z0-9]{2,4}_\d{6}_\d{6}_[a-z]{2}([dwe])(?:_.*)?")
_NOIRLAB_KINDS: dict[str, Kind] = {"d": "mask", "w": "weights", "e": "exposure map"}
_PICTURE_WORDS = ("sci", "img", "image", "int", "sciimg", "refimg", "data")
_WORD_OF_FILE = re.compile(
    r"(?P<before>.+?)(?P<gap>[._-])(?P<word>[A-Za-z]+)(?P<after>(?:[._-][A-Za-z]?\d*)?)"
)


def classify_file_name(path: Path) -> Kind | None:
    """Return the kind of image that the name of a file states, or None for a science image.

    Users choose file names freely. A word such as ``weight`` or ``unc`` at the end of a name therefore counts
    only if the folder has a file with the same name without the word, or with ``sci``, ``img`` or ``int``
    instead. Names of NOIRLab's pipeline have a letter for the kind. In both cases the caller must check that
    the pixels agree.

    Parameters
    ----------
    path
        Path of the file.

    Returns
    -------
    str or None
        The kind.

    Examples
    --------
    >>> from pathlib import Path
    >>> classify_file_name(Path("c4d_170316_061830_oow_z_v1.fits.fz"))
    'weights'
    """
    stem = fits_stem(path.name)
    noirlab = _NOIRLAB_FILE.fullmatch(stem.lower())
    if noirlab is not None:
        return _NOIRLAB_KINDS[noirlab[1]]
    parts = _WORD_OF_FILE.fullmatch(stem)
    kind = (
        None
        if parts is None
        else _certain_kind(parts["word"].upper()) or _ALONE_WORDS.get(parts["word"].upper())
    )
    if parts is None or kind is None:
        return None
    pictures = {parts["before"] + parts["after"]}
    pictures |= {f"{parts['before']}{parts['gap']}{word}{parts['after']}" for word in _PICTURE_WORDS}
    try:
        siblings = {fits_stem(other.name) for other in path.absolute().parent.iterdir()}
    except OSError:
        return None
    return kind if pictures & siblings else None


def _certain_kind(word: str) -> Kind | None:
    """Return the kind that a word always means, alone or as part of a compound word."""
    found = _COMPOUND.fullmatch(word)
    return None if found is None else _CERTAIN_WORDS[found[1]]


def _words(name: str) -> list[str]:
    """Return the words of a name in upper case, without numbers and without trailing nouns."""
    words = [_NUMBER.sub("", word) for word in re.split(r"[^A-Z0-9]+", name.upper())]
    words = [word for word in words if word and not word.isdecimal()]
    while len(words) > 1 and words[-1] in _NOUNS:
        words.pop()
    return words


def _text(header: fits.Header, card: str) -> str:
    """Return the text of a card; empty if it has none or is unreadable."""
    try:
        value = header.get(card, "")
    except Exception:  # noqa: BLE001 (astropy raises many kinds for cards that break the standard)
        return ""
    return value.strip() if isinstance(value, str) else ""
