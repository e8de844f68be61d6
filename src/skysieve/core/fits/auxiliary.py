"""Images that are no pictures of the sky, by what the field calls them: EXTNAME, header cards, file names.

The names are those of HST, JWST and Roman (STScI), Rubin, DES, the NOIRLab pipeline, Euclid, ESO and CASU,
Pan-STARRS, ZTF, SDSS and DESI, WISE, Spitzer, TESS, LCO, Gemini, and of what SExtractor, SWarp, ccdproc and
photutils write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from skysieve.core.fits.naming import fits_stem

if TYPE_CHECKING:
    from pathlib import Path

    from astropy.io import fits

__all__ = ["Kind", "Named", "by_file_name", "by_header", "by_name", "is_own_product", "is_science_name"]

Kind = Literal["mask", "weights", "errors", "exposure map", "background", "no picture of the sky"]
"""What an image beside a picture of the sky is."""


@dataclass(frozen=True)
class Named:
    """What a name or a card says that an image is.

    Attributes
    ----------
    kind
        What it is.
    certain
        False for words that can also be the name of a picture of the sky, as ``SKY``: they count only beside
        a picture of the same shape.
    """

    kind: Kind
    certain: bool = True


# Words that mean the same wherever they stand in a name.
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
# Words of STScI that are too short to mean this at the end of any longer name.
_ALONE: dict[Kind, str] = {
    "exposure map": "CON SAMP TIME NIMAGE NUM",
    "mask": "BP BADPIXELMASK TRUTH LABEL LABELS IGNORE",
    "errors": "SIG",
}
# What pictures of the sky may be called, too.
_BESIDE: dict[Kind, str] = {
    "exposure map": "EXP EXPOSURE DEPTH CNT",
    "background": "SKY SKYMAP BACK BG BGD",
    "errors": "NOISE STAT",
    "no picture of the sky": "AREA PSF KERNEL MODEL MODELS FLAT FLATFIELD DARK BIAS GAIN REFOUT ZEROFRAME "
    "CHI OBJECTS FILTERED WAVELENGTH WAVE TILTS TEMPLATE REF REFERENCE SNR SN OBJMODEL BEFORE",
}
# Of a name that begins with one of these and goes on, as VAR_POISSON or MASK_A.
_FIRST: dict[Kind, str] = {
    "mask": "MASK DQ BPM FLAG FLAGS",
    "weights": "WEIGHT WHT IVAR INVVAR",
    "errors": "ERR ERROR UNCERT VAR VARIANCE RMS",
    "exposure map": "EXPMAP",
}
# Nouns that say nothing of what an image shows, at the end of a name.
_NOUNS = frozenset(["MAP", "IMAGE", "IMG", "IM", "ARRAY", "PLANE", "DATA", "EXT", "HDU", "EXTENSION"])
# Put together with another word in one: SCIERR, REFUNC, ERRIMAGE, WEIGHTMAP, MSKIMG.
_GLUED_FRONT = (
    "(?:SCI|IMAGE|IMG|IM|BAD|PIXEL|PIX|CR|STAR|SAT|GROUP|REF|DET|DETECTION|COADD|STACK|PIPE|GHOST"
    "|SKY|BKG|BACK|BG|POISSON|READ|FLAT|TOTAL)?"
)
_GLUED_BACK = "(?:MAP|MAPS|IMAGE|IMAGES|IMG|IM|ARRAY|ARR|PLANE|EXT|HDU|DATA|MODEL)?"
_SCIENCE = frozenset({"SCI", "SCIENCE"})


def _table(words: dict[Kind, str]) -> dict[str, Kind]:
    return {word: kind for kind, line in words.items() for word in line.split()}


_CERTAIN_WORDS, _ALONE_WORDS, _BESIDE_WORDS, _FIRST_WORDS = map(_table, (_CERTAIN, _ALONE, _BESIDE, _FIRST))
_GLUED = re.compile(f"{_GLUED_FRONT}({'|'.join(sorted(_CERTAIN_WORDS, key=len, reverse=True))}){_GLUED_BACK}")
_NUMBER = re.compile(r"(?<=[A-Z])\d+$")


def is_science_name(name: str) -> bool:
    """Tell whether an EXTNAME says that this is the picture: SCI, or a name that ends so.

    Examples
    --------
    >>> is_science_name("SCI"), is_science_name("det11.sci"), is_science_name("SCI2"), is_science_name("N4")
    (True, True, True, False)
    """
    words = _words(name)
    return bool(words) and words[-1] in _SCIENCE


def by_name(name: str) -> Named | None:
    """Return what an EXTNAME says of its image if that is no picture of the sky, else None.

    Numbers behind a word, and nouns such as MAP or IMAGE, do not matter; of a name of several words the last
    one decides.

    Examples
    --------
    >>> by_name("WEIGHT2"), by_name("CAMERA.CCD 1.1 uncert")
    (Named(kind='weights', certain=True), Named(kind='errors', certain=True))
    >>> by_name("SKY")
    Named(kind='background', certain=False)
    >>> by_name("N4"), by_name("background-subtracted")
    (None, None)
    """
    words = _words(name)
    if not words or name.strip().startswith("-"):  # -BACKGROUND of SExtractor: a picture without it
        return None
    last = words[-1]
    kind = _certain(last)
    if kind is None and len(words) == 1:
        kind = _ALONE_WORDS.get(last)
    if kind is not None:
        return Named(kind)
    if last in _BESIDE_WORDS:
        kind = _BESIDE_WORDS[last]
        is_map = kind in ("exposure map", "errors") and name.upper().endswith("MAP")
        return Named(kind, certain=is_map)
    if len(words) > 1 and words[0] in _FIRST_WORDS:
        return Named(_FIRST_WORDS[words[0]], certain=False)
    return None


_HDUCLAS: dict[str, Kind] = {
    **dict.fromkeys(("MSE", "RMSE", "INVMSE", "INVRMSE"), "errors"),
    **dict.fromkeys(("FLAG8BIT", "FLAG16BIT", "FLAG32BIT", "MASKZERO", "MASKONE"), "mask"),
    **dict.fromkeys(("EXPOSURE", "EXPOSURE_MAP", "VIGNET"), "exposure map"),
    **dict.fromkeys(("BKG", "BACKGROUND"), "background"),
    **dict.fromkeys(("REDIST", "RESPONSE", "RMF", "PSF", "ARF"), "no picture of the sky"),
}
_OF_ONE_IMAGE = ("DES_EXT", "EXTTYPE", "UTYPE")
_OF_FILES = ("PRODTYPE", "PRODCATG", "ESO PRO CATG", "IMTYPE")
_OBSERVED_CARDS = ("OBSTYPE", "IMAGETYP")
_UNCERTAINTY = re.compile(r"(STDDEV|VARIANCE|UNKNOWN)?UNCERTAINTY|INVERSEVARIANCE")


def by_header(header: fits.Header, primary: fits.Header) -> Named | None:
    """Return what the cards of an image, or those of its file, say if it is no picture of the sky, else None.

    Parameters
    ----------
    header
        Of the image.
    primary
        Of the file: pipelines that give each kind of product its own file state the kind there.

    References
    ----------
    ESO Science Data Products Standard 9, section 3 (HDUCLAS1 to HDUCLAS3, PRODCATG); OGIP/92-013b (HDUCLASn).
    """
    for card in ("HDUCLAS1", "HDUCLAS2", "HDUCLAS3"):
        value = _text(header, card).upper()
        kind = _HDUCLAS.get(value) or _certain(value)
        if kind is not None:
            return Named(kind)
    for source in (header,) if header is primary else (header, primary):
        for card in (*_OF_FILES, *(_OF_ONE_IMAGE if source is header else ())):
            value = _text(source, card)
            if _UNCERTAINTY.fullmatch(value.upper()):
                return Named("errors")
            named = by_name(value)
            if named is not None and named.certain:
                return named
        for card in _OBSERVED_CARDS:  # of frames, too: BACKGROUND and SKY are pictures here
            named = by_name(_text(source, card))
            if named is not None and named.certain and named.kind in ("mask", "weights"):
                return named
    return None


_NOIRLAB_FILE = re.compile(r"[a-z0-9]{2,4}_\d{6}_\d{6}_[a-z]{2}([dwe])(?:_.*)?")
_NOIRLAB_KINDS: dict[str, Kind] = {"d": "mask", "w": "weights", "e": "exposure map"}
_PICTURE_WORDS = ("sci", "img", "image", "int", "sciimg", "refimg", "data")
_WORD_OF_FILE = re.compile(
    r"(?P<before>.+?)(?P<gap>[._-])(?P<word>[A-Za-z]+)(?P<after>(?:[._-][A-Za-z]?\d*)?)"
)


def by_file_name(path: Path) -> Kind | None:
    """Return what the name of a file says if it is no picture of the sky, else None.

    People name files as they like.  So a word such as ``weight`` or ``unc`` at the end of a name counts only
    beside a file that has the same name without it, or with ``sci``, ``img`` or ``int`` instead; but names of
    NOIRLab's pipeline have a letter for the kind.  Believe neither where the pixels do not agree.

    Examples
    --------
    >>> from pathlib import Path
    >>> by_file_name(Path("c4d_170316_061830_oow_z_v1.fits.fz"))
    'weights'
    """
    stem = fits_stem(path.name)
    noirlab = _NOIRLAB_FILE.fullmatch(stem.lower())
    if noirlab is not None:
        return _NOIRLAB_KINDS[noirlab[1]]
    parts = _WORD_OF_FILE.fullmatch(stem)
    kind = (
        None if parts is None else _certain(parts["word"].upper()) or _ALONE_WORDS.get(parts["word"].upper())
    )
    if parts is None or kind is None:
        return None
    pictures = {parts["before"] + parts["after"]}
    pictures |= {f"{parts['before']}{parts['gap']}{word}{parts['after']}" for word in _PICTURE_WORDS}
    try:
        beside = {fits_stem(other.name) for other in path.absolute().parent.iterdir()}
    except OSError:
        return None
    return kind if pictures & beside else None


def is_own_product(header: fits.Header) -> bool:
    """Tell whether an HDU is a product of this software, whatever its name and values: by its provenance."""
    return _text(header, "CREATOR").startswith("skysieve ") and "MODEL" in header


def _certain(word: str) -> Kind | None:
    """Return what a word means wherever it stands, alone or put together with another."""
    found = _GLUED.fullmatch(word)
    return None if found is None else _CERTAIN_WORDS[found[1]]


def _words(name: str) -> list[str]:
    """Return the words of a name in upper case, without numbers and without nouns at its end."""
    words = [_NUMBER.sub("", word) for word in re.split(r"[^A-Z0-9]+", name.upper())]
    words = [word for word in words if word and not word.isdecimal()]
    while len(words) > 1 and words[-1] in _NOUNS:
        words.pop()
    return words


def _text(header: fits.Header, card: str) -> str:
    """Return the text of a card; empty if it has none or cannot be read."""
    try:
        value = header.get(card, "")
    except Exception:  # noqa: BLE001 (astropy raises several kinds for cards that break the standard)
        return ""
    return value.strip() if isinstance(value, str) else ""
