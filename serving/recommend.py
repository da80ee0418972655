"""Recommends books to one reader or a file of readers: `python -m serving.recommend --push-dir DIR --user NAME`.

Loads the newest pushed model, or asks a TF Serving with `--server`.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.table import Table

from core.addresses import redacted
from core.errors import ConfigurationError, PseudonymKeyError
from core.exit_codes import with_exit_code
from core.pseudonyms import KEY_FILE_VARIABLE, KEY_VARIABLE, key_id, pseudonymise, read_key
from core.terminal_text import PlainConsole, visible_json
from registry.release_notes import pseudonym_key_id
from registry.remote_version import local_version
from serving import batch
from serving.answers import Answer
from serving.batch import Reader
from serving.client import DEFAULT_MODEL, DEFAULT_TIMEOUT_SECONDS, connect
from serving.pushed_model import PushedModel
from transform import features


@with_exit_code()
def main(argv: Sequence[str] | None = None) -> int:
    """Prints or writes recommendations. Returns the exit code."""
    arguments = _parser().parse_args(argv)
    if arguments.out is not None and arguments.users is None:
        raise ConfigurationError("--out: is for a file of readers, --users. One reader is printed.")
    with _asked(arguments) as (ask, where):
        if arguments.users is not None:
            form = arguments.format or ("csv" if arguments.out and arguments.out.suffix == ".csv" else "jsonl")
            count = batch.answer_all(arguments.users, ask, arguments.out, form, arguments.spreadsheet_safe)
            print(f"{count:,} readers", file=sys.stderr)
            return 0
        [reader] = ask([arguments.user])
    if arguments.json:
        print(visible_json(json.dumps(batch.as_json(reader), ensure_ascii=False)))
    else:
        _show(reader.answer, where)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.recommend", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--push-dir", help="folder with pushed versions, of which the newest is loaded; may be remote")
    where.add_argument("--server", help="a TF Serving: grpc://host:port or http://host:port")
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--user", help="the reader's name, as in the reviews")
    who.add_argument("--users", type=Path, help="text file with a reader's name a line")
    parser.add_argument("-k", type=int, default=10, help="how many books (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one reader's books as JSON")
    parser.add_argument("--out", type=Path, help="file for the answers to --users (default: standard output)")
    parser.add_argument("--format", choices=batch.FORMATS, help="of --users (default: csv for --out X.csv, else jsonl)")
    parser.add_argument(
        "--spreadsheet-safe",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="in a CSV, put an apostrophe before texts that a spreadsheet would run as formulas: those that begin with "
        "= + - @, a tab or a line end (default: %(default)s)",
    )
    parser.add_argument(
        "--key-file",
        type=Path,
        help=f"file with the pseudonym key (default: {KEY_VARIABLE}, {KEY_FILE_VARIABLE}, else the run's own key file)",
    )
    parser.add_argument("--pseudonyms", action="store_true", help="the names are pseudonyms already: no key is needed")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="the model's name on the server (default: %(default)s)")
    parser.add_argument(
        "--timeout-seconds",
        type=float,
        default=DEFAULT_TIMEOUT_SECONDS,
        help="how long a call to the server may take (default: %(default)g)",
    )
    return parser


@contextmanager
def _asked(arguments: argparse.Namespace) -> Iterator[tuple[batch.Ask, str]]:
    """Yields a function that returns the answers for names, and the location of the model."""
    if arguments.server is not None:
        key = None if arguments.pseudonyms else read_key(arguments.key_file)
        with connect(arguments.server, arguments.model, timeout_seconds=arguments.timeout_seconds) as client:
            yield (
                lambda names: _readers(names, key, lambda user_ids: client.recommend(user_ids, arguments.k)),
                redacted(arguments.server),
            )
        return
    with local_version(arguments.push_dir, leave_out=[features.HOLDOUT_MODEL_FILE]) as folder:
        model = PushedModel(folder)
    key = None if arguments.pseudonyms else _key(model, arguments.key_file)
    yield (
        lambda names: _readers(names, key, lambda user_ids: model.recommend(user_ids, arguments.k)),
        f"version {model.version} in {arguments.push_dir.rstrip('/')}",
    )


def _readers(names: Sequence[str], key: bytes | None, recommend: Callable[[list[str]], list[Answer]]) -> list[Reader]:
    """Returns the readers with their answers; `key` None: the names are pseudonyms."""
    user_ids = [name if key is None else pseudonymise(name, key) for name in names]
    return [Reader(*each) for each in zip(names, user_ids, recommend(user_ids), strict=True)]


def _key(model: PushedModel, key_file: Path | None) -> bytes:
    """Returns the key, after checking that the model's pseudonyms were made with it."""
    try:
        key = read_key(key_file)
    except PseudonymKeyError:
        made_by_run = model.facts.get("pseudonym_key_file")
        if key_file is not None or not made_by_run or not Path(made_by_run).is_file():
            raise
        key = read_key(Path(made_by_run))
    expected = pseudonym_key_id(str(model.folder))
    if expected is not None and key_id(key) != expected:
        raise PseudonymKeyError(
            f"The pseudonym key with id {key_id(key)} is not that of version {model.version}, whose id is {expected}: "
            f"no reader would be found. Name the right one with --key-file."
        )
    return key


def _show(answer: Answer, where: str) -> None:
    console = PlainConsole()
    if not answer.known:
        console.print("Not in the training data, so these are the most popular books.")
    table = Table("#", "score", "book", box=None)
    for rank, book in enumerate(answer.books, start=1):
        table.add_row(str(rank), f"{book.score:.3f}", book.isbn)
    console.print(table)
    console.print(where, style="dim")


if __name__ == "__main__":
    sys.exit(main())
