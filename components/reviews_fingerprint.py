"""ReviewsFingerprint: what the reviews are now, as one short value that any change of them changes.

A cache knows a step by the values of its inputs, and the path of a file says nothing about what is in it. This step is
never cached, and what it finds is an input of RatingsExampleGen: a changed file at the same path is read anew.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tfx import v1 as tfx

from components.review_files import local_opener
from components.review_sources import fingerprint as status_fingerprint
from components.review_sources import review_files, stored_bytes
from transform import storage
from transform.errors import DataError
from transform.progress import tell, track
from transform.pseudonyms import key_doubts, key_id, read_key

BLOCK_BYTES: Final = 1 << 20


@tfx.dsl.components.component
def ReviewsFingerprint(  # noqa: N802 (components are nouns)
    data: tfx.dsl.components.Parameter[str],
    fingerprint: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.String],
    key_file: tfx.dsl.components.Parameter[str] = None,
) -> None:
    """Takes the fingerprint, and tells what speaks against the key, which no step reads before.

    Args:
      data: path of a CSV file or a folder of them.
      fingerprint: gets it.
      key_file: file with the pseudonym key; None: the environment has it.
    """
    path = Path(key_file) if key_file else None
    for doubt in key_doubts(path):
        tell(f"warning: {doubt}")
    fingerprint.value = reviews_fingerprint(data, read_key(path))


def reviews_fingerprint(data: str, key: bytes) -> str:
    """Returns a value that changes with the reviews and with the key of the pseudonyms, and does not give them away.

    Of local files the bytes count: to read them takes a second a gigabyte, a copy with an old date is noticed, and one
    with a new date is not taken for a change. Of remote files that counts which the object store says of each, and sets
    itself: its size, and when or as what it was written. To ask costs no reading.

    Raises:
      DataError: there is no file, or it cannot be read.
    """
    location = status_fingerprint(data) if storage.is_remote(data) else _contents(data)
    return f"{location},key:{key_id(key)}"


def check_unchanged(data: str, key: bytes, expected: str) -> None:
    """Checks, after the reviews were read, that they still are those of the fingerprint `expected`.

    Raises:
      DataError: they are not: what was read would be kept under a fingerprint that is not its own.
    """
    if reviews_fingerprint(data, key) != expected:
        raise DataError(
            f"--data {data}: the reviews, or the pseudonym key, changed while the run was reading. Start it again when "
            "nobody writes there."
        )


def _contents(data: str) -> str:
    digest = hashlib.sha256()
    names = review_files(data)
    with track("reading", stored_bytes(names), "bytes") as further:
        for name in names:
            digest.update(f"{name}\0{_sha256(Path(name), further)}\0".encode())
    return f"files:{len(names)},sha256:{digest.hexdigest()}"


def _sha256(path: Path, further: Callable[[float], None]) -> str:
    digest = hashlib.sha256()
    with local_opener(path)() as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            further(len(block))
    return digest.hexdigest()
