"""Faults in FITS files: bits, bytes, cards and blocks that are not what they should be."""

from __future__ import annotations

import bz2
import gzip
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

__all__ = ["MUTATIONS", "mutate"]

BLOCK, CARD = 2880, 80

# fmt: off
STRUCTURE = (
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "NAXIS3", "PCOUNT", "GCOUNT", "GROUPS",
    "EXTEND", "TFIELDS", "TFORM1", "TFORM2", "TFORM3", "TTYPE1", "TTYPE2", "THEAP", "ZIMAGE", "ZCMPTYPE",
    "ZBITPIX", "ZNAXIS", "ZNAXIS1", "ZNAXIS2", "ZTILE1", "ZTILE2", "ZNAME1", "ZVAL1", "ZVAL2", "ZQUANTIZ",
    "ZDITHER0", "ZBLANK", "BLANK", "BZERO", "BSCALE", "EXTNAME", "EXTVER", "DATASUM", "CHECKSUM", "INHERIT",
    "CTYPE1", "CRVAL1", "CRPIX1", "CD1_1", "CCDNUM", "DETSEC", "DATASECA", "CCDSECA", "BIASSECA", "GAINA",
    "INSTRUME", "BSOFTEN", "BOFFSET",
)
VALUES = (
    "0", "-1", "1", "2", "3", "7", "8", "12", "16", "-32", "64", "999", "65535", "1000000", "2147483647",
    "-2147483648", "4294967296", "9223372036854775807", "99999999999999999999", "1.5", "-0.0", "1E400",
    "1E-400", "NaN", "inf", "T", "F", "'T'", "'16'", "''", "'text'", "'RICE_1'", "'GZIP_1'", "'GZIP_2'",
    "'PLIO_1'", "'HCOMPRESS_1'", "'NOCOMPRESS'", "'1PB(99999999)'", "'1QE(0)'", "'1PI(1)'", "'0J'",
    "'99999999999J'", "'IMAGE'", "'BINTABLE'", "'TABLE'", "'[1:99999,1:9]'", "'[9:1,-5:0]'", "(1,2)",
    "'unclosed", "", "= = =", "/",
)
# fmt: on


def _headers(content: bytes) -> list[tuple[int, int]]:
    """Return where headers begin and end, by their cards alone."""
    found, start = [], 0
    while start < len(content):
        if not content.startswith((b"SIMPLE  =", b"XTENSION="), start):
            start += BLOCK
            continue
        end = start
        while end < len(content) and not content.startswith(b"END     ", end):
            end += CARD
        found.append((start, end))
        start = end + BLOCK - end % BLOCK
    return found or [(0, min(BLOCK, len(content)))]


def _card(content: bytearray, rng: Generator, names: tuple[str, ...] | None = None) -> int:
    """Return where some card begins, one of these names if there is any."""
    cards = [at for start, end in _headers(bytes(content)) for at in range(start, end, CARD)]
    if names is not None:
        wanted = [at for at in cards if bytes(content[at : at + 8]).decode("latin1").strip() in names]
        cards = wanted or cards
    return int(rng.choice(cards)) if cards else 0


def flip_in_headers(content: bytearray, rng: Generator) -> None:
    for _ in range(rng.integers(1, 9)):
        start, end = _headers(bytes(content))[0 if rng.random() < 0.5 else -1]
        content[int(rng.integers(start, max(start + 1, end)))] ^= 1 << int(rng.integers(8))


def flip_anywhere(content: bytearray, rng: Generator) -> None:
    for _ in range(rng.integers(1, 65)):
        content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))


def flip_in_data(content: bytearray, rng: Generator) -> None:
    _, end = _headers(bytes(content))[-1]
    start = min(end + BLOCK - end % BLOCK, len(content) - 1)
    for _ in range(rng.integers(1, 17)):
        content[int(rng.integers(start, len(content)))] ^= 1 << int(rng.integers(8))


def cut(content: bytearray, rng: Generator) -> None:
    del content[int(rng.integers(len(content))) :]


def cut_the_last_block(content: bytearray, rng: Generator) -> None:
    del content[len(content) - int(rng.integers(1, BLOCK)) :]


def blank_the_end(content: bytearray, rng: Generator) -> None:
    start = int(rng.integers(len(content)))
    content[start:] = bytes(len(content) - start)


def lie(content: bytearray, rng: Generator) -> None:
    """Give a card of the structure another value."""
    for _ in range(rng.integers(1, 4)):
        at = _card(content, rng, tuple(STRUCTURE))
        value = str(rng.choice(VALUES))
        content[at + 8 : at + CARD] = f"= {value:>20}".ljust(CARD - 8).encode()[: CARD - 8]


def duplicate_a_card(content: bytearray, rng: Generator) -> None:
    source, target = _card(content, rng, tuple(STRUCTURE)), _card(content, rng)
    content[target : target + CARD] = content[source : source + CARD]


def drop_a_card(content: bytearray, rng: Generator) -> None:
    at = _card(content, rng, tuple(STRUCTURE))
    content[at : at + CARD] = b" " * CARD


def exchange_cards(content: bytearray, rng: Generator) -> None:
    one, other = _card(content, rng, tuple(STRUCTURE)), _card(content, rng, tuple(STRUCTURE))
    content[one : one + CARD], content[other : other + CARD] = (
        content[other : other + CARD],
        content[one : one + CARD],
    )


def rename_a_card(content: bytearray, rng: Generator) -> None:
    at = _card(content, rng)
    content[at : at + 8] = str(rng.choice(STRUCTURE)).ljust(8).encode()


def spoil_a_card(content: bytearray, rng: Generator) -> None:
    """Put bytes into a card that no card may hold."""
    at = _card(content, rng) + int(rng.integers(CARD))
    size = int(rng.integers(1, 80))
    content[at : at + size] = rng.integers(0, 256, size, dtype="u1").tobytes()


def lose_the_end(content: bytearray, rng: Generator) -> None:
    _, end = _headers(bytes(content))[int(rng.integers(len(_headers(bytes(content)))))]
    content[end : end + 3] = b"   "


def add_bytes(content: bytearray, rng: Generator) -> None:
    at, size = int(rng.integers(len(content))), int(rng.integers(1, 3 * BLOCK))
    content[at:at] = rng.integers(0, 256, size, dtype="u1").tobytes()


def drop_bytes(content: bytearray, rng: Generator) -> None:
    at = int(rng.integers(len(content)))
    del content[at : at + int(rng.integers(1, 3 * BLOCK))]


def drop_a_block(content: bytearray, rng: Generator) -> None:
    at = BLOCK * int(rng.integers(max(1, len(content) // BLOCK)))
    del content[at : at + BLOCK]


def repeat_a_part(content: bytearray, rng: Generator) -> None:
    start = BLOCK * int(rng.integers(max(1, len(content) // BLOCK)))
    content += content[start : start + BLOCK * int(rng.integers(1, 20))]


def pack_and_flip(content: bytearray, rng: Generator) -> None:
    """Make a damaged gzip or bzip2 file of it."""
    packed = bytearray((gzip.compress if rng.random() < 0.5 else bz2.compress)(bytes(content), 1))
    if rng.random() < 0.3:
        cut(packed, rng)
    else:
        flip_anywhere(packed, rng)
    content[:] = packed


def pack_what_is_wrong(content: bytearray, rng: Generator) -> None:
    lie(content, rng)
    content[:] = gzip.compress(bytes(content), 1)


MUTATIONS: tuple[tuple[Callable[[bytearray, Generator], None], int], ...] = (
    (lie, 8),
    (flip_in_headers, 4),
    (flip_in_data, 3),
    (flip_anywhere, 2),
    (cut, 2),
    (cut_the_last_block, 1),
    (blank_the_end, 1),
    (duplicate_a_card, 2),
    (drop_a_card, 2),
    (exchange_cards, 2),
    (rename_a_card, 2),
    (spoil_a_card, 2),
    (lose_the_end, 1),
    (add_bytes, 1),
    (drop_bytes, 1),
    (drop_a_block, 1),
    (repeat_a_part, 1),
    (pack_and_flip, 1),
    (pack_what_is_wrong, 1),
)
"""Each with how often it is drawn, beside the others."""


def mutate(content: bytes, rng: Generator) -> tuple[str, bytes]:
    """Return the name of a fault, and content that has it."""
    weights = [weight for _, weight in MUTATIONS]
    chosen = rng.choice(len(MUTATIONS), p=[weight / sum(weights) for weight in weights])
    mutation = MUTATIONS[int(chosen)][0]
    changed = bytearray(content)
    mutation(changed, rng)
    return mutation.__name__, bytes(changed)
