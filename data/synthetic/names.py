"""Names of synthetic users, as a scrape finds them: account numbers, hashes, numbers with leading zeros."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.synthetic.draws import Draws

Words = NDArray[np.uint64]

ACCOUNT_DIGITS: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
HEX_DIGITS: Final = b"0123456789abcdef"
DECIMAL_DIGITS: Final = b"0123456789"

# Cumulative shares of the four kinds of name.
KINDS: Final = (0.70, 0.88, 0.95, 1.0)

ODD_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
OTHER_ODD_FACTOR: Final = np.uint64(0xD1B54A32D192ED03)
ACCOUNT_BITS: Final = 60
NUMBERS: Final = 10**9
NUMBER_FACTOR: Final = np.uint64(387_420_489)


def user_names(users: int, seed: int) -> Any:
    """Returns the names of all users, an Arrow array of `[users]` large strings, no two the same.

    A name is its user's number, scrambled by a one-to-one function and written in digits. The kinds differ in length,
    so names of different kinds are never equal.
    """
    draws = Draws(seed, "user names")
    start, other_start = (np.uint64(word) for word in draws.words(2))
    kinds = draws.weighted(users, np.asarray(KINDS))
    numbers = np.arange(users, dtype=np.uint64)
    named, order = [], []
    for kind in range(len(KINDS)):
        members = np.flatnonzero(kinds == kind)
        order.append(members)
        named.append(_names_of_kind(kind, numbers[members], start, other_start))
    places = np.empty(users, np.int64)
    places[np.concatenate(order)] = np.arange(users)
    return pa.concat_arrays(named).take(pa.array(places))


def _names_of_kind(kind: int, numbers: Words, start: np.uint64, other_start: np.uint64) -> Any:
    if kind == 0:
        return _texts(b"A", [(_scrambled(numbers, start, ACCOUNT_BITS), ACCOUNT_DIGITS, 12)])
    if kind == 1:
        halves = (_scrambled(numbers, start, 64), _scrambled(numbers, other_start, 64))
        return _texts(b"", [(half, HEX_DIGITS, 16) for half in halves])
    below = np.uint64(NUMBERS)
    shuffled = (numbers * NUMBER_FACTOR + start % below) % below
    return _texts(b"user_" if kind == 2 else b"00", [(shuffled, DECIMAL_DIGITS, 9)])


def _scrambled(numbers: Words, start: np.uint64, bits: int) -> Words:
    """Returns a different word below 2^`bits` for each number."""
    mask = np.uint64(2**bits - 1)
    half = np.uint64(bits // 2)
    words = (numbers * ODD_FACTOR + start) & mask
    words ^= words >> half
    words = (words * OTHER_ODD_FACTOR) & mask
    words ^= words >> half
    return words


def _texts(prefix: bytes, parts: list[tuple[Words, bytes, int]]) -> Any:
    """Returns the prefix and each part's digits as an Arrow array of large strings of equal length."""
    count = len(parts[0][0])
    width = len(prefix) + sum(digits for _, _, digits in parts)
    letters = np.empty((count, width), np.uint8)
    letters[:, : len(prefix)] = np.frombuffer(prefix, np.uint8)
    end = len(prefix)
    for words, alphabet, digits in parts:
        base, symbols = np.uint64(len(alphabet)), np.frombuffer(alphabet, np.uint8)
        rest = words
        for place in range(end + digits - 1, end - 1, -1):
            letters[:, place] = symbols[rest % base]
            rest = rest // base
        end += digits
    offsets = np.arange(count + 1, dtype=np.int64) * width
    return pa.Array.from_buffers(pa.large_string(), count, [None, pa.py_buffer(offsets), pa.py_buffer(letters)])
