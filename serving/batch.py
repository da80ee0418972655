"""Recommends books to many readers: reads one name per line, writes JSON lines or CSV, a few readers at a time."""

import csv
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

from rich.progress import Progress

from core.errors import DataError
from core.spreadsheet_cells import as_cell
from core.terminal_text import PlainConsole
from serving.answers import Answer
from storage.output_files import ReplaceError, replacing

FORMATS: Final = ("jsonl", "csv")
CSV_HEADER: Final = ("user", "user_id", "known_user", "rank", "isbn", "score")
BATCH: Final = 64


class Reader(NamedTuple):
    """A reader and the model's answer."""

    name: str
    user_id: str
    answer: Answer


# Names -> readers with their answers, in the same order.
Ask = Callable[[Sequence[str]], list[Reader]]


def answer_all(names: Path, ask: Ask, out: Path | None, form: str, spreadsheet_safe: bool = True) -> int:
    """Writes the answers for all readers in `names`, and shows progress on the standard error stream.

    Args:
      names: UTF-8 text, one name per line; empty lines are skipped.
      ask: called with up to `BATCH` names at a time.
      out: replaced only after all answers are written; None: the standard output.
      form: `jsonl` or `csv`.
      spreadsheet_safe: whether CSV texts that a spreadsheet would run as formulas are marked as text.

    Returns:
      The number of readers.

    Raises:
      DataError: `names` cannot be read, is not UTF-8 or has no name; or `out` cannot be written.
    """
    count = 0
    console = PlainConsole(stderr=True)
    with _opened(out) as file, Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        write = _csv_writer(file, spreadsheet_safe) if form == "csv" else _json_writer(file)
        task = progress.add_task("readers", total=_size(names))
        lines = _lines(names)
        while batch := list(itertools.islice(lines, BATCH)):
            readers = ask([name for name, _ in batch])
            with _told(out):
                for reader in readers:
                    write(reader)
            count += len(batch)
            progress.update(task, completed=batch[-1][1])
    return count


def _size(names: Path) -> int:
    try:
        return names.stat().st_size
    except OSError as error:
        raise _unreadable(names, error) from error


def _lines(names: Path) -> Iterator[tuple[str, int]]:
    """Yields each name, and the byte offset at which its line ends."""
    found, place = False, 0
    try:
        with names.open("rb") as file:
            for number, line in enumerate(file, start=1):
                place += len(line)
                try:
                    name = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise DataError(
                        f"--users {names}:{number}: is not UTF-8 ({line[:40]!r}). Save it as UTF-8."
                    ) from error
                if name:
                    found = True
                    yield name, place
    except OSError as error:
        raise _unreadable(names, error) from error
    if not found:
        raise DataError(f"--users {names}: has no name in it. Write one a line.")


def _unreadable(names: Path, error: OSError) -> DataError:
    return DataError(f"--users {names}: cannot be read ({error.strerror}). Name a text file.")


def _json_writer(file: TextIO) -> Callable[[Reader], object]:
    return lambda reader: file.write(json.dumps(as_json(reader), ensure_ascii=False) + "\n")


def _csv_writer(file: TextIO, spreadsheet_safe: bool) -> Callable[[Reader], object]:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_HEADER)

    def write(reader: Reader) -> None:
        name, user_id = (as_cell(text, spreadsheet_safe) for text in (reader.name, reader.user_id))
        known = str(reader.answer.known).lower()
        writer.writerows(
            (name, user_id, known, rank, as_cell(book.isbn, spreadsheet_safe), f"{book.score:.6g}")
            for rank, book in enumerate(reader.answer.books, start=1)
        )

    return write


def as_json(reader: Reader) -> dict[str, Any]:
    """Returns the JSON object of one reader."""
    return {
        "user": reader.name,
        "user_id": reader.user_id,
        "known_user": reader.answer.known,
        "recommendations": [book._asdict() for book in reader.answer.books],
    }


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    """Yields the file to write to: the standard output, or a file that becomes `out` in the end."""
    if out is None:
        yield sys.stdout
        return
    try:
        with replacing(out) as beside:
            with _told(out):
                file = beside.open("w", encoding="utf-8", newline="", errors="surrogateescape")
            try:
                yield file
            finally:
                with _told(out):
                    file.close()
    except ReplaceError as error:
        raise _unwritable(out, error) from error


@contextmanager
def _told(out: Path | None) -> Iterator[None]:
    """Turns an OSError from writing `out` into a DataError that names it; the standard output's errors pass through."""
    try:
        yield
    except OSError as error:
        if out is None:
            raise
        raise _unwritable(out, error) from error


def _unwritable(out: Path, error: OSError) -> DataError:
    return DataError(f"--out {out}: cannot be written ({error.strerror}). Name a file in a folder of yours.")
