"""The shell commands in the documents: which of them the tests run, which not and why, and what they are to print."""

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Final, NamedTuple

from tests.e2e.runs import ROOT

DOCUMENTS: Final = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PYTHON: Final = ".venv/bin/python"

NOT_RUN: Final = {
    "make run": "the shared run on the bundled sample is what it calls",
    "make test": "it would run the tests in the tests",
    f"{PYTHON} local_runner.py": "another run; its flags are read, and all that is looked at before its first step",
}
"""Commands that no block needs to excuse, by how they begin, and why they are not run."""

_BLOCK: Final = re.compile(
    r"(?:^ *<!-- not run by the tests: (?P<reason>[^\n]+) -->\n)?"
    r"^(?P<indent> *)```sh\n(?P<code>.*?)^(?P=indent)```$"
    r"(?:\n+(?P=indent)prints[^\n]*\n+(?P=indent)```text\n(?P<printed>.*?)^(?P=indent)```$)?",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A fenced block of shell commands."""

    document: Path
    line: int
    code: str
    reason: str
    """Why the tests do not run it; empty: they do."""
    printed: str
    """What the document says that it prints, `…` for anything; empty: nothing is said."""

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{self.document.name}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """Its commands, comments left out; those that go over several lines by a backslash in one."""
        found, begun = [], ""
        for line in self.code.replace("\\\n", " ").splitlines():
            begun += line
            try:
                words = shlex.split(begun, comments=True)
            except ValueError:  # A quotation goes on in the next line.
                begun += "\n"
                continue
            if words:
                found.append(begun)
            begun = ""
        return found

    @property
    def runnable(self) -> str:
        """Its commands as a script, without those of `NOT_RUN`."""
        return "\n".join(command for command in self.commands if not command.startswith(tuple(NOT_RUN)))


def blocks() -> list[Block]:
    """Returns all blocks of all documents."""
    return [block for document in DOCUMENTS for block in _blocks_of(document)]


def arguments_of(block: Block, program: str) -> list[list[str]]:
    """Returns what follows `program`, such as `local_runner.py`, in each of the block's commands that call it."""
    beginning = shlex.split(f"{PYTHON} {program}")
    calls = [shlex.split(command, comments=True) for command in block.commands if command.startswith(PYTHON)]
    return [words[len(beginning) :] for words in calls if words[: len(beginning)] == beginning]


def make_newcomers_folder(folder: Path, reviews: str) -> None:
    """Makes `folder` a checkout by links, with the files that the documents have a person bring.

    Args:
      folder: is made.
      reviews: content of `reviews.csv`.
    """
    folder.mkdir()
    for entry in ROOT.iterdir():
        if entry.name not in {".venv", "work", "push", "build", "keys"}:
            (folder / entry.name).symlink_to(entry)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "reviews.csv").write_text(reviews, encoding="utf-8")
    (folder / "names.txt").write_text("Emma\nNoah\n", encoding="utf-8")


def write_toml_of(document: Path, folder: Path) -> None:
    """Writes the document's configuration, if it shows one, as `production.toml` into `folder`."""
    shown = re.search(r"^ *```toml\n(.*?)^ *```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if shown:
        (folder / "production.toml").write_text(dedent(shown[1]), encoding="utf-8")


def is_as_shown(output: str, printed: str) -> bool:
    """Returns whether `output` is what a document shows, white space at line ends and between columns aside."""
    pattern = re.escape(" ".join(printed.split())).replace("…", ".*?").replace(r"\ ", r"\s+")
    return re.fullmatch(pattern, " ".join(output.split()), re.DOTALL) is not None


def _blocks_of(document: Path) -> Iterator[Block]:
    text = document.read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("code"))  # Of the fence, from 1 on.
        yield Block(document, line, dedent(match["code"]), match["reason"] or "", match["printed"] or "")
