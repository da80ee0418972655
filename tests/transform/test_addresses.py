import pytest

from transform.addresses import redacted


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
