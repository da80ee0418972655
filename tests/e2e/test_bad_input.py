"""Everything that can be wrong from outside: one readable error, its exit code, and what was pushed stays as it was."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.runs import HEADER, REVIEWS, Runner

pytestmark = pytest.mark.e2e

PUSHED_BEFORE = {"1700000000/saved_model.pb": b"an earlier model", "1700000000/variables/variables.index": b"index"}


class Case(NamedTuple):
    """Files below the test's folder, the flags of the run, and what must be told."""

    files: dict[str, bytes]
    told: tuple[str, ...]
    exit_code: int = 2
    data: str = "reviews.csv"
    flags: tuple[str, ...] = ()


def csv(text: str, *told: str, exit_code: int = 2, flags: tuple[str, ...] = ()) -> Case:
    return Case(
        {"reviews.csv": text.encode()}, ("reviews.csv", *told) if exit_code == 2 else told, exit_code, flags=flags
    )


def with_row(row: str, after: int = 10) -> str:
    lines = REVIEWS.splitlines(keepends=True)
    return HEADER + "".join(lines[:after]) + row + "\n" + "".join(lines[after:])


CASES = {
    "missing path": Case({}, ("nowhere.csv", "--data"), data="nowhere.csv"),
    "missing column": csv(HEADER.replace("ISBN", "Title") + REVIEWS, "ISBN", "Title"),
    "column twice": csv(HEADER.replace("Genres", "Genres,User") + REVIEWS, "User", "twice"),
    "no data rows": csv(HEADER, "no"),
    "0-byte file": csv("", "empty"),
    "folder without CSVs": Case({"folder/notes.txt": b"x"}, ("folder", ".csv"), data="folder"),
    "not UTF-8": Case(
        {"reviews.csv": (HEADER + REVIEWS).encode() + "9,u,Caf\u00e9,5,\n".encode("latin-1")}, ("UTF-8", "322")
    ),
    "NUL byte": csv(with_row("9,u,Bo\0ok,5,"), "NUL", "12"),
    "truncated gzip": Case(
        {"reviews.csv.gz": gzip.compress((HEADER + REVIEWS).encode())[:-40]},
        ("reviews.csv.gz", "gzip"),
        data="reviews.csv.gz",
    ),
    "not gzip at all": Case(
        {"reviews.csv.gz": (HEADER + REVIEWS).encode()}, ("reviews.csv.gz", "gzip"), data="reviews.csv.gz"
    ),
    "10 MB field": csv(with_row("9,u," + "x" * 10_000_000 + ",5,"), "12", "quote"),
    "too many unclosed quotes": csv(HEADER + REVIEWS + '9,u,"Book 1,5,\n' * 50, "370", "50", "quote", exit_code=3),
    "rating five": csv(with_row("9,u,Book 1,five,"), "12", "RatingOf5"),
    "rating of 7": csv(with_row("9,u,Book 1,7,"), "RatingOf5", exit_code=3),
    "negative rating": csv(with_row("9,u,Book 1,-1,"), "RatingOf5", exit_code=3),
    "too many rows without a user": csv(HEADER + REVIEWS + "9,,Book 1,5,\n" * 50, "370", "50", "User", exit_code=3),
    "too many rows without a book": csv(HEADER + REVIEWS + "9,u,,5,\n" * 50, "50", "ISBN", exit_code=3),
    "too many malformed genres": csv(HEADER + REVIEWS + "9,u,Book 1,5,Fiction\n" * 50, "50", "Genres", exit_code=3),
    "too many rows with a field too many": csv(HEADER + REVIEWS + "9,u,Book 1,5,,,,\n" * 50, "50", exit_code=3),
    "every user below min_reviews": Case(
        {"reviews.csv": (HEADER + "".join(f"{i},reader-{i},Book {i % 9},5,\n" for i in range(50))).encode()},
        ("--split.min-reviews", "has 1"),
    ),
    "one single book": Case(
        {"reviews.csv": (HEADER + "".join(f"{i},reader-{i % 9},The Book,5,\n" for i in range(50))).encode()},
        ("--split.min-reviews", "different books"),
    ),
    "unwritable work folder": Case(
        {"reviews.csv": (HEADER + REVIEWS).encode(), "file": b""},
        ("--work-dir", "file"),
        flags=("--work-dir={folder}/file/work",),
    ),
    "work folder that is a file": Case(
        {"reviews.csv": (HEADER + REVIEWS).encode(), "file": b""},
        ("--work-dir", "file"),
        flags=("--work-dir={folder}/file",),
    ),
    "push folder that is a file": Case(
        {"reviews.csv": (HEADER + REVIEWS).encode(), "file": b""},
        ("--push-dir", "is a file"),
        flags=("--push-dir={folder}/file",),
    ),
    "configuration with three faults": Case(
        {
            "reviews.csv": (HEADER + REVIEWS).encode(),
            "run.toml": b"max_reject_share = 2\nspeed = 1\n[training]\nembedding_dim = 'wide'\n",
        },
        ("3 fault(s)", "max_reject_share = 2", "speed", "training.embedding_dim = 'wide'"),
        flags=("--config={folder}/run.toml",),
    ),
    "configuration that is not TOML": Case(
        {"reviews.csv": b"", "run.toml": b"a = b = c"}, ("run.toml", "TOML"), flags=("--config={folder}/run.toml",)
    ),
    "configuration that is missing": Case({}, ("none.toml", "--config"), flags=("--config={folder}/none.toml",)),
    "schema that is missing": Case(
        {"reviews.csv": (HEADER + REVIEWS).encode()}, ("--schema-file",), flags=("--schema-file={folder}/none.pbtxt",)
    ),
    "key that is too short": Case(
        {"reviews.csv": (HEADER + REVIEWS).encode(), "key": b"short"},
        ("key", "16"),
        flags=("--pseudonym-key-file={folder}/key",),
    ),
    "key file that is missing": Case(
        {"reviews.csv": (HEADER + REVIEWS).encode()}, ("key",), flags=("--pseudonym-key-file={folder}/key",)
    ),
    "vocabulary that leaves no book": Case(
        {"reviews.csv": (HEADER + REVIEWS).encode()},
        ("--vocabulary.min-book-count",),
        flags=("--vocabulary.min-book-count=100000",),
    ),
}


# Each ends as another case does, in the same step or a later one. The messages have tests of their own:
# tests/data/reviews/test_csv_reader.py, test_ratings_example_gen.py, test_data_gate.py, tests/trainer/test_run.py.
LIKE_OTHERS = (
    "no data rows",
    "not UTF-8",
    "truncated gzip",
    "10 MB field",
    "rating five",
    "negative rating",
    "too many rows without a book",
    "too many malformed genres",
    "too many rows with a field too many",
    "one single book",
    "vocabulary that leaves no book",
)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=name, marks=[pytest.mark.exhaustive] if name in LIKE_OTHERS else [])
        for name, case in CASES.items()
    ],
)
def test_bad_input_gives_one_readable_error_and_leaves_what_is_pushed(case: Case, run: Runner, tmp_path: Path) -> None:
    for files, folder in ((case.files, tmp_path), (PUSHED_BEFORE, run.push_dir)):
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    done = run(tmp_path / case.data, *(flag.format(folder=tmp_path) for flag in case.flags))
    assert done.exit_code == case.exit_code, done.output + done.errors
    assert done.errors.startswith("error: ")
    for text in case.told:
        assert text in done.errors
    assert "Traceback" not in done.output + done.errors
    assert len(done.errors) < 3_000
    left = {
        str(path.relative_to(run.push_dir)): path.read_bytes() for path in run.push_dir.rglob("*") if path.is_file()
    }
    assert left == PUSHED_BEFORE


def test_a_second_run_in_the_same_work_folder_is_refused(
    run: Runner, tmp_path: Path, hold_lock: Callable[[Path], None]
) -> None:
    data = tmp_path / "reviews.csv"
    data.write_text(HEADER + REVIEWS)
    run.work_dir.mkdir()
    hold_lock(run.work_dir / ".lock")
    done = run(data)
    assert done.exit_code == 2
    assert "another run" in done.errors


@pytest.fixture
def hold_lock() -> Callable[[Path], None]:
    import fcntl

    open_files = []

    def hold(path: Path) -> None:
        file = path.open("w")
        fcntl.flock(file, fcntl.LOCK_EX)
        open_files.append(file)

    yield hold
    for file in open_files:
        file.close()
