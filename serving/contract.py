"""Checks a model's answers against the serving contract, for known readers and unknown users."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from transform import features

# Signature, inputs by name -> outputs by name, as numpy arrays; strings are bytes.
Ask = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]

STRANGERS: Final = (b"a stranger", b"")
WANTED: Final = 10
EXCLUDED: Final = 5
TOLERANCE: Final = 1e-4


def broken_terms(ask: Ask, read: Mapping[bytes, Sequence[bytes]]) -> list[str]:
    """Returns the violations of the serving contract, one sentence each; empty without any.

    Args:
      ask: asks the model.
      read: the books that each known reader has read, by pseudonym.
    """
    readers = list(read)
    answer = ask(features.SERVING_SIGNATURE, {features.SERVED_USER_ID: [*readers, *STRANGERS]})
    return [
        *_of_lists(features.SERVING_SIGNATURE, answer, [*map(set, read.values()), *[set() for _ in STRANGERS]]),
        *_of_strangers(answer, len(readers)),
        *_of_exclusions(ask, readers, answer),
        *_of_histories(ask, read, answer),
        *_of_vectors(ask, readers, answer),
        *_of_similar_books(ask, answer),
    ]


def _of_lists(signature: str, answer: Mapping[str, Any], forbidden: Sequence[set[bytes]]) -> Iterator[str]:
    """Yields violations in ranked lists: repeated or forbidden books, rising or non-finite scores, bad padding."""
    for isbn, score, left_out in zip(
        answer[features.SERVED_ISBN], answer[features.SERVED_SCORE], forbidden, strict=True
    ):
        books = [book for book in isbn.tolist() if book]
        if len(set(books)) < len(books):
            twice = next(book for book in books if books.count(book) > 1)
            yield f"{signature}: {_text(twice)} stands in one answer {books.count(twice)} times"
        if left_out & set(books):
            yield f"{signature}: {_text(min(left_out & set(books)))} is recommended, but was read, named or excluded"
        if (np.diff(score[: len(books)]) > 0).any() or not np.isfinite(score[: len(books)]).all():
            yield f"{signature}: scores are not finite and falling"
        if any(isbn[: len(books)] == b"") or (score[len(books) :] != features.FILLER_SCORE).any():
            yield f"{signature}: the end of an answer is not filled with empty names and {features.FILLER_SCORE:g}"


def _of_strangers(answer: Mapping[str, Any], readers: int) -> Iterator[str]:
    known = answer[features.SERVED_KNOWN_USER].tolist()
    if known != [True] * readers + [False] * len(STRANGERS):
        yield f"{features.SERVING_SIGNATURE}: {features.SERVED_KNOWN_USER} is wrong for somebody"
    strangers = answer[features.SERVED_ISBN][readers:]
    if (strangers != strangers[0]).any() or not strangers[0].any():
        yield f"{features.SERVING_SIGNATURE}: unknown users do not get one and the same list of books"


def _of_exclusions(ask: Ask, readers: Sequence[bytes], answer: Mapping[str, Any]) -> Iterator[str]:
    """Yields violations of exclusion: without the best books, the next best must follow."""
    signature = features.RECOMMEND_SIGNATURE
    best = answer[features.SERVED_ISBN][: len(readers)]
    excluded, expected = best[:, :EXCLUDED], best[:, EXCLUDED : EXCLUDED + WANTED]
    found = ask(
        signature,
        {
            features.SERVED_USER_ID: list(readers),
            features.SERVED_EXCLUDE: excluded.tolist(),
            features.SERVED_K: [WANTED] * len(readers),
        },
    )
    yield from _of_lists(signature, found, [set(row) - {b""} for row in excluded.tolist()])
    if found[features.SERVED_ISBN].shape != (len(readers), WANTED):
        yield f"{signature}: {found[features.SERVED_ISBN].shape} books for k = {WANTED} and {len(readers)} readers"
    elif not _same_up_to_ties(found, expected, answer[features.SERVED_SCORE][: len(readers), EXCLUDED:]):
        yield f"{signature}: without the best {EXCLUDED} books the next best do not follow"


def _of_histories(ask: Ask, read: Mapping[bytes, Sequence[bytes]], answer: Mapping[str, Any]) -> Iterator[str]:
    """Yields violations for histories: a reader's books must get the same answer as the reader."""
    width = max(map(len, read.values()))
    histories = [[*books, *[b""] * (width - len(books))] for books in read.values()]
    found = ask(features.HISTORY_SIGNATURE, {features.SERVED_ISBN: histories})
    yield from _of_lists(features.HISTORY_SIGNATURE, found, [set(books) for books in read.values()])
    isbn, score = (answer[name][: len(read)] for name in (features.SERVED_ISBN, features.SERVED_SCORE))
    if not _same_up_to_ties(found, isbn, score):
        yield f"{features.HISTORY_SIGNATURE}: a reader's books get another answer than the reader"


def _of_vectors(ask: Ask, readers: Sequence[bytes], answer: Mapping[str, Any]) -> Iterator[str]:
    """Yields violations by the vectors: their dot product plus the sparse part must be the score."""
    books, scores = (answer[name][: len(readers), :WANTED] for name in (features.SERVED_ISBN, features.SERVED_SCORE))
    found = ask(features.BOOK_EMBEDDING_SIGNATURE, {features.SERVED_ISBN: books.ravel()})
    vectors = found[features.SERVED_EMBEDDING].reshape(*books.shape, -1)
    products = np.empty(books.shape, np.float32)
    for row, reader in enumerate(readers):
        # One reader per request: the sparse parts of many active readers exceed the limit of an answer.
        user = ask(features.USER_EMBEDDING_SIGNATURE, {features.SERVED_USER_ID: [reader]})
        near = dict(zip(user[features.SERVED_NEAR_ISBN][0], user[features.SERVED_NEAR_SCORE][0], strict=True))
        # [books, dim] @ [dim] -> [books]
        products[row] = vectors[row] @ user[features.SERVED_EMBEDDING][0] + [near.get(book, 0.0) for book in books[row]]
    there = books != b""
    if not np.allclose(products[there], scores[there], atol=TOLERANCE):
        yield f"{features.USER_EMBEDDING_SIGNATURE}: the vectors' product is not the score"


def _of_similar_books(ask: Ask, answer: Mapping[str, Any]) -> Iterator[str]:
    signature = features.SIMILAR_BOOKS_SIGNATURE
    books = [book for book in answer[features.SERVED_ISBN][:, 0].tolist() if book]
    found = ask(signature, {features.SERVED_ISBN: books, features.SERVED_K: [WANTED] * len(books)})
    yield from _of_lists(signature, found, [{book} for book in books])
    if not found[features.SERVED_KNOWN_BOOK].all():
        yield f"{signature}: a book that was recommended is unknown"


def _same_up_to_ties(found: Mapping[str, Any], isbn: Any, score: Any) -> bool:
    """Returns True if equal ranks have equal scores, and equal books where scores are not tied."""
    width = min(isbn.shape[1], found[features.SERVED_ISBN].shape[1])
    if width == 0:
        return True
    scores, expected = found[features.SERVED_SCORE][:, :width], score[:, :width]
    if not np.allclose(scores, expected, atol=TOLERANCE):
        return False
    differing = found[features.SERVED_ISBN][:, :width] != isbn[:, :width]
    close = np.abs(np.diff(expected, axis=1)) <= TOLERANCE
    tied = np.pad(close, ((0, 0), (1, 0))) | np.pad(close, ((0, 0), (0, 1)))
    tied[:, -1] = True  # The last book may be tied with one beyond the end.
    return not (differing & ~tied).any()


def _text(book: bytes) -> str:
    return repr(book.decode("utf-8", "replace"))
