"""Asks the newest pushed model for recommendations: `python -m serving.recommend --push-dir DIR --user NAME`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from serving.pushed_model import PushedModel, Recommendation, newest_version
from transform.errors import PseudonymKeyError, ReadalikeError
from transform.pseudonyms import KEY_FILE_VARIABLE, KEY_VARIABLE, key_id, pseudonymise, read_key


def main(argv: Sequence[str] | None = None) -> int:
    """Prints recommendations for one reader. Returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        model = PushedModel(newest_version(arguments.push_dir))
        user_id = pseudonymise(arguments.user, _key(model, arguments.key_file))
        books, known = model.recommend(user_id, arguments.k)
    except ReadalikeError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if arguments.json:
        print(
            json.dumps(
                {
                    "version": model.version,
                    "user_id": user_id,
                    "known_user": known,
                    "recommendations": [book._asdict() for book in books],
                },
                ensure_ascii=False,
            )
        )
    else:
        _show(model, books, known)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving.recommend", description=__doc__)
    parser.add_argument("--push-dir", type=Path, required=True, help="folder with the pushed versions")
    parser.add_argument("--user", required=True, help="the reader's name, as in the reviews")
    parser.add_argument("-k", type=int, default=10, help="how many books (default: 10)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--key-file",
        type=Path,
        help=f"file with the pseudonym key (default: {KEY_VARIABLE}, {KEY_FILE_VARIABLE}, else the run's own key file)",
    )
    return parser


def _key(model: PushedModel, key_file: Path | None) -> bytes:
    """Returns the key, after checking that the model's pseudonyms were made with it."""
    try:
        key = read_key(key_file)
    except PseudonymKeyError:
        made_by_run = model.facts.get("pseudonym_key_file")
        if key_file is not None or not made_by_run or not Path(made_by_run).is_file():
            raise
        key = read_key(Path(made_by_run))
    expected = model.facts.get("pseudonym_key_id")
    if expected is not None and key_id(key) != expected:
        raise PseudonymKeyError(
            f"The pseudonym key with id {key_id(key)} is not that of version {model.version}, whose id is {expected}: "
            f"no reader would be found. Name the right one with --key-file."
        )
    return key


def _show(model: PushedModel, books: Sequence[Recommendation], known: bool) -> None:
    console = Console(highlight=False)
    if not known:
        console.print("Not in the training data, so these are the most popular books.")
    table = Table("#", "score", "book", box=None)
    for rank, book in enumerate(books, start=1):
        table.add_row(str(rank), f"{book.score:.3f}", book.isbn)
    console.print(table)
    console.print(f"version {model.version} in {model.folder.parent}", style="dim")


if __name__ == "__main__":
    sys.exit(main())
