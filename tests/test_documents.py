"""What the documents have a person type is there: programs, their flags, targets, configurations."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from core.pseudonyms import KEY_FILE_VARIABLE, KEY_VARIABLE
from pipeline.configuration.config import read_config
from pipeline.local import preflight
from tests.documents import (
    DOCUMENTS,
    NOT_RUN,
    PYTHON,
    Block,
    arguments_of,
    blocks,
    is_as_shown,
    make_newcomers_folder,
    write_toml_of,
)
from tests.e2e.runs import HEADER, REVIEWS, ROOT

BLOCKS = blocks()
PROGRAMS = sorted(
    {
        " ".join(words[1:3] if words[1] == "-m" else words[1:2])
        for block in BLOCKS
        for command in block.commands
        if (words := shlex.split(command, comments=True))[0] == PYTHON and words[1] != "-c"
    }
)


def test_every_block_of_commands_is_found() -> None:
    texts = [document.read_text(encoding="utf-8") for document in DOCUMENTS]
    fences = sum(len(re.findall(r"^ *`{3,} *(?:sh|bash|shell|console)\b", text, re.MULTILINE)) for text in texts)
    assert len(BLOCKS) == fences > 5


def test_a_reason_is_given_to_no_block_but_the_next() -> None:
    for document in DOCUMENTS:
        reasons = document.read_text(encoding="utf-8").count("<!-- not run by the tests")
        assert reasons == sum(bool(block.reason) for block in BLOCKS if block.document == document), document.name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_headings_that_links_point_to_exist(document: Path) -> None:
    for path, anchor in re.findall(r"\]\((?!http)([^)#\s]*)#([^)\s]+)\)", document.read_text(encoding="utf-8")):
        target = document.parent / path if path else document
        headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in anchors, f"{path}#{anchor}"


@pytest.mark.parametrize("beginning", NOT_RUN)
def test_what_is_never_run_is_in_the_documents(beginning: str) -> None:
    assert any(command.startswith(beginning) for block in BLOCKS if not block.reason for command in block.commands)


@pytest.mark.integration
def test_make_run_is_the_shared_run() -> None:
    """`sample_run` runs the same on folders of its own."""
    # Where make itself runs the tests it would have this make say which folder it is in, and hand its ARGS on.
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "ARGS"}
    said = subprocess.run(
        ["make", "--dry-run", "--old-file=setup", "run"], cwd=ROOT, env=own, capture_output=True, text=True, check=True
    )
    called = f"{PYTHON} local_runner.py --data data/sample/reviews.csv.gz --work-dir work --push-dir push"
    assert said.stdout.strip() == called


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_make_targets_exist(block: Block) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    called = {shlex.split(command, comments=True)[1] for command in block.commands if command.startswith("make ")}
    assert called <= targets


@pytest.mark.integration
@pytest.mark.parametrize("program", PROGRAMS)
def test_flags_of_every_program_exist(program: str) -> None:
    """Those of commands that are not run, too."""
    helps: dict[str, str] = {}
    for block in BLOCKS:
        for arguments in arguments_of(block, program):
            command = [words for words in arguments[:1] if re.fullmatch("[a-z]+", words)]
            key = " ".join(command)
            if key not in helps:
                asked = [sys.executable, *program.split(), *command, "--help"]
                said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
                assert said.returncode == 0, f"{block.name}: {asked} {said.stderr}"
                helps[key] = said.stdout
            for argument in arguments:
                if argument.startswith("--") and not (program == "kubeflow_runner.py" and argument == "--config"):
                    flag = re.escape(argument.split("=")[0])
                    assert re.search(rf"(?<![\w-]){flag}(?![\w-])", helps[key]), f"{block.name}: {argument}"


@pytest.mark.parametrize(
    "block",
    [block for block in BLOCKS if not block.reason and arguments_of(block, "local_runner.py")],
    ids=lambda block: block.name,
)
def test_runs_get_as_far_as_their_first_step(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "readalike"
    make_newcomers_folder(folder, HEADER + REVIEWS)
    write_toml_of(block.document, folder)
    for name in ("pseudonym.key", "new.key"):
        (folder / "keys").mkdir(exist_ok=True)
        (folder / "keys" / name).write_text("0123456789abcdef" * 4, encoding="ascii")
    monkeypatch.chdir(folder)
    for variable in (KEY_VARIABLE, KEY_FILE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    for arguments in arguments_of(block, "local_runner.py"):
        preflight.check(read_config(arguments, required=["data"]))


@pytest.mark.parametrize(
    ("output", "printed", "same"),
    [
        ("Removed 1, 2. Served: 3\n", "Removed …. Served: …\n", True),
        ("  version   pushed\n  1 now\n", "version pushed\n1       …\n", True),
        ("Removed 1. Served: 3\n", "Removed nothing. Served: …\n", False),
        ("one\ntwo\n", "one\n", False),
    ],
)
def test_what_is_shown_is_told_from_what_is_not(output: str, printed: str, same: bool) -> None:
    assert is_as_shown(output, printed) == same
