"""The rules that keep reviews and hold some out, applied to one shard of users at a time.

A shard holds all reviews of its users, so nothing here depends on other shards, the order of users, or the number of
shards. Only the cap on hold-out users looks across users; the caller passes it as a threshold.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.splitting.packed_table import pack, unpack
from components.splitting.split_parameters import SplitParameters
from data.example_schema import scalar_column
from transform import features

EVERY_USER: Final = np.iinfo(np.int64).max
MODERATE_RATING: Final = 3.0


@dataclass(frozen=True)
class KeptInteractions:
    """The interactions of one shard after dropping duplicates and users with few books.

    Pickling packs the table, because Beam holds several copies of the data between stages.
    """

    table: pa.Table
    """Rows of the Examples schema, in the order of the input."""

    user_codes: npt.NDArray[np.int64]
    """`[rows]`: index of each row's user in `users`."""

    users: pa.Array
    """The distinct users of `table`."""

    counts: dict[str, int]
    """Counts of this shard, by name; all are sums over shards, except `most_books_of_a_user`, a maximum."""

    books: pa.Array
    """The distinct books of the input."""

    kept_books: pa.Array
    """The distinct books of `table`."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "table": pack(self.table)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, table=unpack(state["table"]))


def keep_interactions(reviews: pa.Table, min_reviews: int) -> KeptInteractions:
    """Keeps the last review of each user and book, then drops users with fewer than `min_reviews` distinct books.

    Args:
      reviews: all reviews of the shard's users, in the order of the input.
      min_reviews: minimum number of distinct books of a user.
    """
    user = scalar_column(reviews, features.USER).dictionary_encode()
    book = scalar_column(reviews, features.ISBN).dictionary_encode()
    user_codes, book_codes = (np.asarray(column.indices, dtype=np.int64) for column in (user, book))
    last = _last_of_each(user_codes * max(len(book.dictionary), 1) + book_codes)
    books_a_user = np.bincount(user_codes[last], minlength=len(user.dictionary))
    rows = last[books_a_user[user_codes[last]] >= min_reviews]
    kept = reviews.take(pa.array(rows))
    kept_users, kept_codes = np.unique(user_codes[rows], return_inverse=True)
    counts = {
        "reviews": len(reviews),
        "users": len(user.dictionary),
        "duplicates": len(reviews) - len(last),
        "kept_interactions": len(rows),
        "kept_users": len(kept_users),
        "most_books_of_a_user": int(books_a_user.max(initial=0)),
        **_rating_counts(reviews),
    }
    return KeptInteractions(
        table=kept,
        user_codes=kept_codes,
        users=user.dictionary.take(pa.array(kept_users)),
        counts=counts,
        books=book.dictionary,
        kept_books=scalar_column(kept, features.ISBN).unique(),
    )


def smallest_user_hashes(kept: KeptInteractions, seed: int, most: int) -> npt.NDArray[np.int64]:
    """Returns the `most` smallest hashes of the kept users, ascending: the first candidates for hold-out users."""
    return np.sort(_hash_users(kept.users, seed))[:most]


def held_out(kept: KeptInteractions, parameters: SplitParameters, threshold: int) -> npt.NDArray[np.bool_]:
    """Returns a mask of the held-out interactions, which training must not see.

    A user whose hash of (seed, user) is at most `threshold` is a hold-out user. For such a user with n books, the books
    with the smallest hashes of (seed, user, book) are held out: floor(`holdout_share` x n), clipped to 1 and n - 1.

    Returns:
      `[rows]`, True where the interaction is held out.
    """
    chosen = _hash_users(kept.users, parameters.seed) <= threshold
    candidates = np.flatnonzero(chosen[kept.user_codes])
    codes = kept.user_codes[candidates]
    users = kept.users.to_numpy(zero_copy_only=False)
    isbns = scalar_column(kept.table, features.ISBN).take(pa.array(candidates)).to_numpy(zero_copy_only=False)
    hashes = np.fromiter(
        (_hash(parameters.seed, users[code], isbn) for code, isbn in zip(codes, isbns, strict=True)),
        np.int64,
        len(candidates),
    )
    order = np.lexsort((hashes, codes))
    sizes = np.bincount(codes, minlength=len(users))
    starts = np.cumsum(sizes) - sizes
    rank = np.empty(len(candidates), np.int64)
    rank[order] = np.arange(len(candidates)) - starts[codes[order]]
    quota = np.clip(np.floor(parameters.holdout_share * sizes + 1e-9).astype(np.int64), 1, np.maximum(sizes - 1, 1))
    mask = np.zeros(len(kept.user_codes), np.bool_)
    mask[candidates] = rank < quota[codes]
    return mask


def _last_of_each(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Returns the position of the last occurrence of each distinct key, ascending."""
    _, first_from_behind = np.unique(keys[::-1], return_index=True)
    return np.sort(len(keys) - 1 - first_from_behind)


def _rating_counts(reviews: pa.Table) -> dict[str, int]:
    rating = np.asarray(scalar_column(reviews, features.RATING).to_numpy(zero_copy_only=False), dtype=np.float64)
    return {
        "positive": int((rating > MODERATE_RATING).sum()),
        "moderate": int((rating == MODERATE_RATING).sum()),
        "negative": int((rating < MODERATE_RATING).sum()),
        "unrated": int(np.isnan(rating).sum()),
    }


def _hash_users(users: pa.Array, seed: int) -> npt.NDArray[np.int64]:
    return np.fromiter((_hash(seed, user) for user in users.to_numpy(zero_copy_only=False)), np.int64, len(users))


def _hash(seed: int, *parts: bytes) -> int:
    """Returns 63 bits of BLAKE2b (RFC 7693), the same on every machine; `seed` is its key."""
    digest = hashlib.blake2b(b"\0".join(parts), digest_size=8, key=seed.to_bytes(8, "big"))
    return int.from_bytes(digest.digest(), "big") >> 1
