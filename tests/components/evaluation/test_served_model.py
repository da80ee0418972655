"""Which version is taken for the served one, and what is said when it has no hold-out model to compare with."""

import io
from pathlib import Path

import numpy as np
import pytest

from components.evaluation.served_model import read_served_model
from core.errors import StorageError
from tests.s3_server import Bucket
from trainer.export.holdout_model import HoldoutModel, write_holdout_model
from trainer.models.towers import BookTowers
from transform import features


def serve(push_dir: Path, version: str) -> Path:
    """Serves a version whose hold-out model knows one book, named like the version. Returns its path."""
    path = push_dir / version / features.HOLDOUT_MODEL_FILE
    path.parent.mkdir(parents=True)
    tables = np.ones((1, 4), np.float32)
    write_holdout_model(
        HoldoutModel(BookTowers(tables, tables), [version.encode()], np.array([7], np.uint32)), str(path)
    )
    (push_dir / version / "saved_model.pb").touch()
    return path


def test_before_the_first_push_nothing_is_served(tmp_path: Path) -> None:
    assert read_served_model(str(tmp_path / "missing")) is None
    assert read_served_model(str(tmp_path)) is None


def test_what_is_no_version_is_not_served(tmp_path: Path) -> None:
    for name in (".incoming-17", "backup", "12.old", "v3", "-4"):
        serve(tmp_path, name)
    assert read_served_model(str(tmp_path)) is None
    serve(tmp_path, "2")
    served = read_served_model(str(tmp_path))
    assert served is not None
    assert served.version == "2"


@pytest.mark.parametrize("ending", ["", "/"])
def test_the_newest_is_the_largest_number_not_the_last_name(ending: str, tmp_path: Path) -> None:
    for version in ("9", "10", "1"):
        serve(tmp_path, version)
    served = read_served_model(f"{tmp_path}{ending}")
    assert served is not None
    assert (served.version, served.why_not) == ("10", "")
    assert served.holdout_model is not None
    assert served.holdout_model.books == [b"10"]
    assert served.holdout_model.trained_on.tolist() == [7]


def test_a_version_without_a_twin_says_where_it_was_looked_for(tmp_path: Path) -> None:
    serve(tmp_path, "1")
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "saved_model.pb").touch()
    served = read_served_model(str(tmp_path))
    assert served is not None
    assert (served.version, served.holdout_model) == ("2", None)
    assert served.why_not.startswith(
        f"{tmp_path / '2' / features.HOLDOUT_MODEL_FILE}: cannot be read (FileNotFoundError)"
    )


@pytest.mark.parametrize(
    ("facts", "key_id"),
    [
        ('{"pseudonym_key_id": "0123456789ab", "users": 3}', "0123456789ab"),
        ('{"pseudonym_key_id": null}', None),
        ('{"pseudonym_key_id": 17}', None),
        ('{"users": 3}', None),
        ('{"pseudonym_key_id": ', None),
        ("[]", None),
        (None, None),
    ],
    ids=["told", "null", "no text", "left out", "cut", "no object", "no file"],
)
def test_the_id_of_the_pseudonym_key_is_read_where_the_version_tells_it(
    facts: str | None, key_id: str | None, tmp_path: Path
) -> None:
    path = serve(tmp_path, "4")
    if facts is not None:
        (tmp_path / "4" / features.MODEL_FACTS_FILE).write_text(facts, "utf-8")
    served = read_served_model(str(tmp_path))
    assert served is not None
    assert (served.key_id, served.why_not) == (key_id, "")
    path.unlink()
    served = read_served_model(str(tmp_path))
    assert served is not None
    assert (served.key_id, served.holdout_model) == (key_id, None)


@pytest.mark.parametrize(("facts", "key_id"), [('{"pseudonym_key_id": null}', "note"), (None, "note"), ("{", "note")])
def test_the_note_of_the_push_tells_it_where_no_key_was_known_when_the_run_was_compiled(
    facts: str | None, key_id: str, tmp_path: Path
) -> None:
    serve(tmp_path, "4")
    (tmp_path / "4" / features.RELEASE_NOTE_FILE).write_text('{"pseudonym_key_id": "note"}', "utf-8")
    if facts is not None:
        (tmp_path / "4" / features.MODEL_FACTS_FILE).write_text(facts, "utf-8")
    served = read_served_model(str(tmp_path))
    assert served is not None
    assert served.key_id == key_id
    (tmp_path / "4" / features.MODEL_FACTS_FILE).write_text('{"pseudonym_key_id": "facts"}', "utf-8")
    served = read_served_model(str(tmp_path))
    assert served is not None
    assert served.key_id == "facts"


@pytest.mark.integration
def test_a_remote_model_is_read_with_its_twin(tmp_path: Path, bucket: Bucket) -> None:
    bucket.put(f"push/9/{features.HOLDOUT_MODEL_FILE}", serve(tmp_path, "9").read_bytes())
    bucket.put("push/9/saved_model.pb", "")
    served = read_served_model(f"s3://{bucket.name}/push/")
    assert served is not None
    assert (served.version, served.why_not) == ("9", "")
    assert served.holdout_model is not None
    assert served.holdout_model.books == [b"9"]
    with pytest.raises(StorageError, match="has no bucket"):
        read_served_model("s3://no-such-bucket/push")


def archive(**arrays: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def single_array() -> bytes:
    content = io.BytesIO()
    np.save(content, np.arange(3))
    return content.getvalue()


def flipped(content: bytes) -> bytes:
    """Changes bytes in the middle of the first array."""
    start = content.index(b"\x93NUMPY") + 128
    return content[:start] + bytes(byte ^ 0xFF for byte in content[start : start + 4]) + content[start + 4 :]


def packed_otherwise(content: bytes) -> bytes:
    """Changes the packing method of the first array to one that does not exist."""
    place = content.index(b"PK\x01\x02") + 10
    return content[:place] + b"\x63" + content[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:100],
        lambda content: content[:-1],
        lambda content: b"\0" * len(content),
        lambda content: b"not an archive at all",
        lambda content: archive(query_table=np.ones((1, 4))),
        lambda content: single_array(),
        flipped,
        packed_otherwise,
    ],
    ids=["empty", "cut", "cut by a byte", "zeros", "text", "other arrays", "one array", "flipped", "packed otherwise"],
)
def test_a_damaged_twin_is_told_with_its_path(damage, tmp_path: Path) -> None:
    path = serve(tmp_path, "3")
    path.write_bytes(damage(path.read_bytes()))
    served = read_served_model(str(tmp_path))
    assert served is not None
    assert (served.version, served.holdout_model) == ("3", None)
    assert served.why_not.startswith(f"{path}: cannot be read (")
