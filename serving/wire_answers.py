"""Checks a server's answer before use: the number of rows, the types, no NaN."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from transform import features

Array = npt.NDArray[Any]

TEXTS: Final = frozenset({features.SERVED_ISBN, features.SERVED_NEAR_ISBN})
FLAGS: Final = frozenset({features.SERVED_KNOWN_USER, features.SERVED_KNOWN_BOOK})
SCORES_OF: Final = {
    features.SERVED_ISBN: features.SERVED_SCORE,
    features.SERVED_NEAR_ISBN: features.SERVED_NEAR_SCORE,
}
"""For each output of texts, the output with their scores."""


def checked(outputs: Mapping[str, Array], inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Returns the outputs of a signature: texts as objects, flags as bool, all else as float32.

    Args:
      outputs: by name, as received: of one type, or Python objects.
      inputs: the request, `[batch, ...]` each.

    Raises:
      ValueError: the outputs do not answer the request. The message names the output, but none of its values.
    """
    rows = len(next(iter(inputs.values())))
    found = {name: _typed(name, values, rows) for name, values in outputs.items()}
    for name in SCORES_OF.keys() & found.keys():
        _check_list(name, found[name], found[SCORES_OF[name]], inputs.get(features.SERVED_K))
    return found


def _typed(name: str, values: Array, rows: int) -> Array:
    rank = 1 if name in FLAGS else 2
    if values.ndim != rank or len(values) != rows:
        wanted = f"[{rows}]" if rank == 1 else f"[{rows}, n]"
        raise ValueError(f"{name} has the shape {list(values.shape)} instead of {wanted}")
    if name in FLAGS:
        _check_types(name, values, {bool}, "booleans")
        return values.astype(bool)
    if name in TEXTS:
        _check_types(name, values, {str}, "texts")
        _check_text(name, values)
        return values
    _check_types(name, values, {int, float}, "numbers")
    return _floats(name, values)


def _check_types(name: str, values: Array, types: Collection[type], wanted: str) -> None:
    found = set(map(type, values.flat)) if values.dtype == object else {type(values.dtype.type().item())}
    if not found <= set(types):
        raise ValueError(f"{name} holds something else than {wanted}")


def _check_text(name: str, values: Array) -> None:
    """Raises ValueError if a surrogate is not one of `surrogateescape`: such text cannot be encoded."""
    try:
        "".join(values.flat).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} holds text that is no Unicode") from error


def _floats(name: str, values: Array) -> Array:
    try:
        with np.errstate(over="ignore"):
            numbers = values.astype(np.float32)
    except OverflowError as error:
        raise ValueError(f"{name} holds a number beyond float32") from error
    # Scores of padding may be minus infinity.
    refused: Callable[[Array], Array] = np.isnan if name in SCORES_OF.values() else lambda given: ~np.isfinite(given)
    if refused(numbers).any():
        raise ValueError(f"{name} holds a number that is not finite")
    return numbers


def _check_list(name: str, texts: Array, scores: Array, most: Array | None) -> None:
    """Raises ValueError if a text other than padding has no finite score, or a row has more texts than requested."""
    if texts.shape != scores.shape:
        raise ValueError(f"{name} has the shape {list(texts.shape)}, but its scores have {list(scores.shape)}")
    given = texts != ""
    if not np.isfinite(scores[given]).all():
        raise ValueError(f"{SCORES_OF[name]} holds a number that is not finite")
    if most is not None and (given.sum(axis=1) > most).any():
        raise ValueError(f"{name} holds more than were asked for")
