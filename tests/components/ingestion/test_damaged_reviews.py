"""Reviews that were damaged at random: what is read is what was there, but for the damaged lines, or it is refused."""

import gzip
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from core.errors import DataError
from core.pseudonyms import pseudonymise
from data.reviews.csv_reader import FileReport, RatingsCsv
from data.reviews.local_files import local_opener

SAMPLE = Path("data/sample/reviews.csv.gz")
KEY = b"0123456789abcdef"
ROWS = 600
FILES = 500

Lines = list[bytes]


def lose_a_quote(lines: Lines, line: int, random: np.random.Generator) -> None:
    places = [place for place, byte in enumerate(lines[line]) if byte == ord('"')]
    if places:
        place = int(random.choice(places))
        lines[line] = lines[line][:place] + lines[line][place + 1 :]


def add_a_quote(lines: Lines, line: int, random: np.random.Generator) -> None:
    place = int(random.integers(len(lines[line])))
    lines[line] = lines[line][:place] + b'"' + lines[line][place:]


def cut_a_line(lines: Lines, line: int, random: np.random.Generator) -> None:
    lines[line] = lines[line][: int(random.integers(len(lines[line])))] + b"\n"


def lose_a_line_end(lines: Lines, line: int, random: np.random.Generator) -> None:
    lines[line] = lines[line].rstrip(b"\n")


def flip_a_byte(lines: Lines, line: int, random: np.random.Generator) -> None:
    place = int(random.integers(len(lines[line])))
    flipped = bytes([lines[line][place] ^ (1 << int(random.integers(8)))])
    lines[line] = lines[line][:place] + flipped + lines[line][place + 1 :]


def change_a_separator(lines: Lines, line: int, random: np.random.Generator) -> None:
    places = [place for place, byte in enumerate(lines[line]) if byte == ord(",")]
    if places:
        place = int(random.choice(places))
        lines[line] = lines[line][:place] + bytes([int(random.choice(list(b";\t| ")))]) + lines[line][place + 1 :]


def change_all_separators(lines: Lines, line: int, random: np.random.Generator) -> None:
    lines[line] = lines[line].replace(b",", b";")


DAMAGES: tuple[Callable[[Lines, int, np.random.Generator], None], ...] = (
    lose_a_quote,
    add_a_quote,
    cut_a_line,
    lose_a_line_end,
    flip_a_byte,
    change_a_separator,
    change_all_separators,
)


class Read(NamedTuple):
    """What was read of a file."""

    rows: Counter[str]
    report: FileReport
    texts: str
    """All books and genres."""


def read(content: bytes, folder: Path) -> Read:
    path = folder / "reviews.csv"
    path.write_bytes(content)
    source = RatingsCsv(local_opener(path), str(path), KEY)
    rows = pa.concat_tables(list(source.tables())).to_pylist()
    texts = [text.decode() for row in rows for name in ("ISBN", "Genres") for text in row[name] or ()]
    return Read(Counter(map(repr, rows)), source.report, "\n".join(texts))


def read_or_refused(content: bytes, folder: Path) -> Read | str:
    try:
        return read(content, folder)
    except DataError as refusal:
        return str(refusal)


@pytest.fixture(scope="module")
def lines() -> Lines:
    """The header and the first rows of the sample, in which every user has a name that nothing else holds."""
    with gzip.open(SAMPLE) as file:
        found = [next(file) for _ in range(ROWS + 1)]
    marked = [
        b",".join([number, b"reader-" + user, rest]) for number, user, rest in (x.split(b",", 2) for x in found[1:])
    ]
    return [found[0], *marked]


@pytest.fixture(scope="module")
def whole(lines: Lines, tmp_path_factory: pytest.TempPathFactory) -> Read:
    found = read(b"".join(lines), tmp_path_factory.mktemp("whole"))
    assert found.rows.total() == ROWS
    assert found.report.rejects == []
    return found


def damaged(lines: Lines, seed: int) -> tuple[bytes, int]:
    """Returns a file with damages of one kind or of all kinds, and on how many lines they are."""
    random = np.random.default_rng(seed)
    kinds = DAMAGES if seed % 8 == 7 else DAMAGES[seed % 8 : seed % 8 + 1]
    chosen = random.choice(np.arange(1, len(lines)), int(random.integers(1, 12)), replace=False)
    found = list(lines)
    for line in chosen.tolist():
        kinds[int(random.integers(len(kinds)))](found, line, random)
    return b"".join(found), len(chosen)


def assert_read_rightly(lines: Lines, whole: Read, seed: int, folder: Path) -> None:
    content, damages = damaged(lines, seed)
    found = read_or_refused(content, folder)
    if isinstance(found, str):
        assert "reviews.csv:" in found, seed
        assert "reader-" not in found, seed
        return
    assert "reader-" not in found.texts, seed
    lost, new = (whole.rows - found.rows).total(), (found.rows - whole.rows).total()
    assert new <= damages, (seed, "rows that were not there")
    assert lost <= damages + len(found.report.rejects), (seed, "rows are gone that no reject tells of")


@pytest.mark.parametrize("seed", range(24))
def test_damaged_reviews_are_read_rightly_or_refused(seed: int, lines: Lines, whole: Read, tmp_path: Path) -> None:
    assert_read_rightly(lines, whole, seed, tmp_path)


@pytest.mark.exhaustive
def test_so_are_five_hundred(lines: Lines, whole: Read, tmp_path: Path) -> None:
    for seed in range(FILES):
        assert_read_rightly(lines, whole, seed, tmp_path)


def test_a_user_name_would_be_seen(lines: Lines, tmp_path: Path) -> None:
    """The check above can fail: a name that stands where a book does is found."""
    swapped = b'700,"a, b",reader-x,3,\n'
    assert "reader-x" in read(lines[0] + swapped, tmp_path).texts
    assert pseudonymise("a, b", KEY) in repr(read(lines[0] + swapped, tmp_path).rows)
