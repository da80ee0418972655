"""ReviewsFingerprint: computes a short value that changes whenever the reviews change.

A cache identifies a step by the values of its inputs, but a file's path says nothing about its content. This step is
never cached, and its value is an input of RatingsExampleGen. So a changed file at the same path is read again.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tfx import v1 as tfx

from core.errors import DataError
from core.progress import tell, track
from core.pseudonyms import key_doubts, key_id, read_key
from data.reviews.local_files import local_opener
from data.reviews.sources import fingerprint as status_fingerprint
from data.reviews.sources import review_files, stored_bytes
from storage import locations

BLOCK_BYTES: Final = 1 << 20


@tfx.dsl.components.component
def ReviewsFingerprint(  # noqa: N802 (components are nouns)
    data: tfx.dsl.components.Parameter[str],
    fingerprint: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.String],
    key_file: tfx.dsl.components.Parameter[str] = None,
) -> None:
    """Computes the fingerprint, and logs weaknesses of the pseudonym key, because this step reads the key first.

    Args:
      data: path of a CSV file or a folder of them.
      fingerprint: receives the fingerprint.
      key_file: file with the pseudonym key; None: the environment has it.
    """
    path = Path(key_file) if key_file else None
    for doubt in key_doubts(path):
        tell(f"warning: {doubt}")
    fingerprint.value = reviews_fingerprint(data, read_key(path))


def reviews_fingerprint(data: str, key: bytes) -> str:
    """Returns a value that changes with the reviews or the pseudonym key, and reveals neither.

    For local files it hashes the bytes, at about a second per gigabyte. So a changed copy with an old date is noticed,
    and a copy with a new date is not taken for a change. For remote files it hashes metadata that the object store
    itself sets: the size, and the time or the tag of the last write. That reads no content.

    Raises:
      DataError: a file is missing or cannot be read.
    """
    location = status_fingerprint(data) if locations.is_remote(data) else _contents(data)
    return f"{location},key:{key_id(key)}"


def check_unchanged(data: str, key: bytes, expected: str) -> None:
    """Checks that the reviews still have the fingerprint `expected` after they were read.

    Raises:
      DataError: they changed; the data read would be cached under another data's fingerprint.
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
