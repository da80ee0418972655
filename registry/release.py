"""Lists, shows, rolls back and prunes versions: `python -m registry.release list | show | rollback | prune`."""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from rich.table import Column, Table

from core.errors import ReleaseError
from core.exit_codes import with_exit_code
from core.terminal_text import PlainConsole, visible_json
from registry.push_folder import PushFolder
from registry.push_history import Release, read_history, read_release, roll_back
from registry.release_notes import pseudonym_key_id
from transform import features

SHORT_DIGEST: Final = 12
WIDTH_OF_A_PIPE: Final = 240
"""Width in characters if the output is no terminal, so that lines are not wrapped."""


@with_exit_code()
def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line `argv`. Returns the exit code."""
    arguments = _parser().parse_args(argv)
    console = PlainConsole(soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH_OF_A_PIPE
    folder = PushFolder(arguments.push_dir)
    with _told_by_name(folder):
        _COMMANDS[arguments.command](folder, arguments, console)
    return 0


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--push-dir", required=True, help="folder with the pushed versions; may be gs://…, s3://…, minio://…"
    )
    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="print JSON")
    parser = argparse.ArgumentParser(prog="python -m registry.release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", parents=[common, as_json], help="the versions, oldest first")
    show = commands.add_parser("show", parents=[common, as_json], help="all that is known of a version")
    show.add_argument("version", nargs="?", help="default: the served one")
    rollback = commands.add_parser("rollback", parents=[common], help="serve the model before the served one again")
    rollback.add_argument("--to", metavar="VERSION", help="serve this one")
    prune = commands.add_parser("prune", parents=[common], help="remove the oldest versions")
    prune.add_argument("--keep", metavar="N", type=_at_least_one, required=True, help="how many of the newest stay")
    return parser


def _at_least_one(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text}: is no number from 1 up. The served version always stays.")
    return int(text)


def _list(folder: PushFolder, arguments: argparse.Namespace, console: PlainConsole) -> None:
    history = read_history(folder)
    if arguments.json:
        print(visible_json(json.dumps([_summary(release) for release in history], indent=2, ensure_ascii=False)))
        return
    names = ("version", "pushed", "Recall@20", "interactions", "data")
    table = Table(*(Column(name, no_wrap=True) for name in names), Column(overflow="fold"), box=None)
    for release in history:
        summary = _summary(release)
        table.add_row(
            release.version,
            release.pushed_at,
            "" if release.recall is None else f"{release.recall:.4f}",
            "" if summary["interactions"] is None else f"{summary['interactions']:,}",
            (summary["data_sha256"] or "")[:SHORT_DIGEST],
            "; ".join(_remarks(release)),
        )
    console.print(table)


def _show(folder: PushFolder, arguments: argparse.Namespace, console: PlainConsole) -> None:
    release = read_release(folder, arguments.version or read_history(folder)[-1].version)
    if release.damage:
        raise ReleaseError(release.damage)
    known = {
        **_summary(release),
        features.PSEUDONYM_KEY_ID: pseudonym_key_id(folder.path(release.version)),
        "measured": release.measured,
        "serving": release.note.get("serving"),
        "rollback": release.rollback,
        "facts": release.facts,
    }
    if arguments.json:
        print(visible_json(json.dumps(known, indent=2, ensure_ascii=False)))
        return
    table = Table(Column(overflow="fold"), Column(overflow="fold"), box=None, show_header=False)
    for name, value in _leaves(known):
        table.add_row(name, value)
    console.print(table)


def _rollback(folder: PushFolder, arguments: argparse.Namespace, console: PlainConsole) -> None:
    history = read_history(folder)
    for damaged in (release for release in history if release.damage):
        console.print(f"Passed over: {damaged.damage}")
    release = roll_back(folder, time.time(), arguments.to, history)
    console.print(
        f"Version {release.version}, a copy of {release.origin}, is served in place of "
        f"{release.rollback['rolled_back_from']}, which stays.",
    )


def _prune(folder: PushFolder, arguments: argparse.Namespace, console: PlainConsole) -> None:
    read_history(folder)
    removed = folder.prune(arguments.keep)
    console.print(f"Removed {', '.join(removed) or 'nothing'}. Served: {folder.served()}")


_COMMANDS: Final = {"list": _list, "show": _show, "rollback": _rollback, "prune": _prune}


def _summary(release: Release) -> dict[str, Any]:
    """Returns a version's entry in the list, for programs."""
    counts = [release.facts.get(name) for name in ("train_interactions", "heldout_interactions")]
    return {
        "version": release.version,
        "served": release.served,
        "pushed_at": release.pushed_at,
        "recall_at_20": release.recall,
        "interactions": sum(counts) if all(isinstance(count, int) for count in counts) else None,
        "data_sha256": release.note.get("data_sha256"),
        "copy_of": release.rollback.get("copy_of"),
        "rolled_back_from": release.rollback.get("rolled_back_from"),
        "damage": release.damage or None,
    }


def _remarks(release: Release) -> Iterator[str]:
    if release.served:
        yield "served"
    if release.rollback:
        yield f"copy of {release.origin}"
    if release.damage:
        yield f"damaged: {release.damage}"


def _leaves(tree: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _leaves(value, f"{name}.{key}" if name else key)
    elif tree is not None:
        yield name, tree if isinstance(tree, str) else json.dumps(tree, ensure_ascii=False)


@contextmanager
def _told_by_name(folder: PushFolder) -> Iterator[None]:
    """Turns errors of the file system into one that names the folder; those of an object store name it already."""
    try:
        yield
    except OSError as error:
        raise ReleaseError(
            f"--push-dir {folder.location}: {error.strerror}. Name a folder in which this user may read and write; "
            "versions that were served or whole before still are."
        ) from error


if __name__ == "__main__":
    sys.exit(main())
