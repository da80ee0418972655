"""The command line of the comparison at scale."""

import argparse
from pathlib import Path

import pytest

from benchmarks.scale import __main__ as scale


def of_scale(**flags: int | None) -> argparse.Namespace:
    return argparse.Namespace(**{"rows": scale.ROWS, "users": None, "books": None, "seed": 1, **flags})


def test_users_and_books_follow_from_the_rows_unless_they_are_given() -> None:
    assert scale.sizes(of_scale()).model_dump() == {"reviews": 1_733_561, "users": 706_880, "books": 57_186, "seed": 1}
    assert scale.sizes(of_scale(rows=17_335_610, books=600_000)).model_dump(exclude={"seed"}) == {
        "reviews": 17_335_610,
        "users": 7_068_800,
        "books": 600_000,
    }


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--rows", "100"], "--books 3"),
        (["--", "--work-dir=elsewhere"], "--work-dir=elsewhere"),
        (["--verbose"], "--v"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_runs(
    flags: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scale.main(["--folder", str(tmp_path / "scale"), "--out", str(tmp_path / "out.json"), *flags]) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
