import pytest

from core.addresses import redacted, redacted_text
from core.errors import KubeflowError, ServingError, StorageError


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("mysql://me:secret@host:3306/db", "mysql://***@host:3306/db"),
        ("http://me:se/cr@et@host:1", "http://***@host:1"),
        ("http://me:two\nlines@host", "http://***@host"),
        ("me:secret@host", "***@host"),
        ("http://host:8501/v1", "http://host:8501/v1"),
        ("", ""),
    ],
)
def test_nobody_who_is_let_in_is_shown(address: str, shown: str) -> None:
    assert redacted(address) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "s3://b/x: curl said: proxy http://me:secret@proxy:3128 and https://you:secret@[::1]:9000/ refused.",
            "s3://b/x: curl said: proxy http://***@proxy:3128 and https://***@[::1]:9000/ refused.",
        ),
        ("(minio://key:secret@host)", "(minio://***@host)"),
        ("s3://bucket/a@b: no such file", "s3://bucket/a@b: no such file"),
        ("write to me@example.org, or see http://host/@me", "write to me@example.org, or see http://host/@me"),
    ],
)
def test_no_error_of_ours_repeats_a_password_that_a_library_told(text: str, shown: str) -> None:
    assert redacted_text(text) == shown
    for kind in (StorageError, ServingError, KubeflowError):
        assert str(kind(text)) == shown
