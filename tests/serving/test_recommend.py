"""The command that asks for one reader or for a file of them, of a push folder or of a server."""

import csv
import functools
import json
import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from core.errors import DataError
from core.pseudonyms import KEY_VARIABLE, pseudonymise
from serving import batch, recommend
from serving.answers import Answer, Recommendation
from serving.batch import Reader
from serving.pushed_model import PushedModel
from tests.serving.servers import Server
from tests.serving.small_models import USER_NAMES

KEY = "a key that is long enough for this"

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("serving")]


@pytest.fixture(scope="module")
def load() -> Callable[[Path], PushedModel]:
    return functools.cache(PushedModel)


@pytest.fixture(autouse=True)
def _loaded_once(load: Callable[[Path], PushedModel], monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares each call of the command its second or two: the push folder is the same all the time."""
    monkeypatch.setattr(recommend, "PushedModel", load)


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """More readers than are asked about at once, an unknown user among them, with line ends of both kinds."""
    path = tmp_path / "users.txt"
    path.write_text("\r\n".join([*USER_NAMES, "Zażółć", ""]) + "\n" + "\n".join(USER_NAMES * 2), newline="")
    return path


def told(arguments: Sequence[str], capsys: pytest.CaptureFixture[str], exit_code: int = 0) -> tuple[str, str]:
    assert recommend.main(arguments) == exit_code
    said = capsys.readouterr()
    return said.out, said.err


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """The sums of a batch of another size may differ in the last digit."""
    scores = [[book.pop("score") for book in answer["recommendations"]] for answer in (one, other)]
    assert one == other
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)


def test_a_file_of_readers_gets_a_line_each_as_each_would_alone(
    push_dir: Path, users: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = ["--push-dir", str(push_dir), "--pseudonyms", "-k", "7"]
    lines, said = told([*source, "--users", str(users)], capsys)
    answers = [json.loads(line) for line in lines.splitlines()]
    assert [answer["user"] for answer in answers] == [*USER_NAMES, "Zażółć", *USER_NAMES * 2]
    assert [answer["known_user"] for answer in answers].count(False) == 1
    assert said == f"{len(answers)} readers\n"
    for place in (0, 5, len(USER_NAMES), -1):
        alone, _ = told([*source, "--user", answers[place]["user"], "--json"], capsys)
        assert len({book["isbn"] for book in answers[place]["recommendations"]}) == 7
        assert_same(json.loads(alone), answers[place])


def test_a_server_gives_what_the_push_folder_gives(
    push_dir: Path, server: Server, scheme: str, users: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--pseudonyms", "--users", str(users), "-k", "9"]
    here, _ = told(["--push-dir", str(push_dir), *flags], capsys)
    there, _ = told(["--server", server.address(scheme), *flags], capsys)
    for one, other in zip(here.splitlines(), there.splitlines(), strict=True):
        assert_same(json.loads(one), json.loads(other))


def test_csv_has_a_row_a_book_and_the_file_is_replaced_at_the_end(
    push_dir: Path, users: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "answers.csv"
    out.write_text("old")
    flags = ["--push-dir", str(push_dir), "--pseudonyms", "--users", str(users), "-k", "3"]
    said, _ = told([*flags, "--out", str(out)], capsys)
    assert said == ""
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines, _ = told(flags, capsys)
    expected = [
        (answer["user"], str(rank), book["isbn"])
        for answer in map(json.loads, lines.splitlines())
        for rank, book in enumerate(answer["recommendations"], start=1)
    ]
    assert [(row["user"], row["rank"], row["isbn"]) for row in rows] == expected
    assert {row["known_user"] for row in rows} == {"true", "false"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.csv", "users.txt"]


def test_names_become_pseudonyms_by_the_key(
    push_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    said, _ = told(["--push-dir", str(push_dir), "--user", "reader-1", "--json"], capsys)
    answer = json.loads(said)
    assert answer["user_id"] == pseudonymise("reader-1", KEY.encode())
    assert answer["known_user"] is False


def test_only_a_few_readers_are_asked_about_at_once_and_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    names, out, sizes = tmp_path / "names", tmp_path / "out.jsonl", []
    names.write_text("a\n" * 1000)
    out.write_text("old")

    def ask(asked: Sequence[str]) -> list[Reader]:
        sizes.append(len(asked))
        if sum(sizes) > 900:
            raise DataError("no more")
        return [Reader(name, name, Answer([Recommendation("b", 1.0)], True)) for name in asked]

    with pytest.raises(DataError, match="no more"):
        batch.answer_all(names, ask, out, "jsonl")
    assert max(sizes) == batch.BATCH
    assert out.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"names", "out.jsonl"}


@pytest.mark.parametrize(("spreadsheet_safe", "mark"), [(True, "'"), (False, "")])
def test_texts_that_a_spreadsheet_would_run_are_marked_in_a_csv_and_numbers_are_not(
    spreadsheet_safe: bool, mark: str, tmp_path: Path
) -> None:
    names, out = tmp_path / "names", tmp_path / "out.csv"
    names.write_text("=cmd|' /C calc'!A0\nanna\n")

    def ask(asked: Sequence[str]) -> list[Reader]:
        books = [Recommendation("-2+3, the book", -0.5), Recommendation("Dune", 1.0)]
        return [Reader(name, f"@{name}", Answer(books, True)) for name in asked]

    batch.answer_all(names, ask, out, "csv", spreadsheet_safe)
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    formula = "=cmd|' /C calc'!A0"
    assert rows == [
        [mark + formula, f"{mark}@{formula}", "true", "1", f"{mark}-2+3, the book", "-0.5"],
        [mark + formula, f"{mark}@{formula}", "true", "2", "Dune", "1"],
        ["anna", f"{mark}@anna", "true", "1", f"{mark}-2+3, the book", "-0.5"],
        ["anna", f"{mark}@anna", "true", "2", "Dune", "1"],
    ]
    batch.answer_all(names, ask, tmp_path / "out.jsonl", "jsonl", spreadsheet_safe)
    assert json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])["user"] == formula


@pytest.mark.parametrize(
    ("content", "flags", "message"),
    [
        (None, [], "cannot be read"),
        (b"\n\r\n\n", [], "has no name"),
        (b"anna\nCaf\xe9\n", [], "users.txt:2: is not UTF-8"),
        (b"anna\n", ["--out", "{folder}/none/out.csv"], "none/out.csv: cannot be written"),
        (b"anna\n", ["--out", "{folder}"], "cannot be written"),
        (b"anna\n", ["--out", "{folder}/users.txt/out.csv"], "users.txt/out.csv: cannot be written"),
        (b"anna\n", ["--out", "."], "cannot be written"),
    ],
)
def test_what_cannot_be_used_is_told(
    content: bytes | None,
    flags: list[str],
    message: str,
    push_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "users.txt"
    if content is not None:
        path.write_bytes(content)
    source = ["--push-dir", str(push_dir), "--pseudonyms", "--users", str(path)]
    _, said = told([*source, *(flag.format(folder=tmp_path) for flag in flags)], capsys, exit_code=2)
    assert said.startswith("error: ")
    assert message in said


def answered(names: Sequence[str]) -> list[Reader]:
    return [Reader(name, name, Answer([Recommendation("b" * 100, 1.0)] * 100, True)) for name in names]


@pytest.mark.parametrize("form", batch.FORMATS)
def test_answers_go_through_a_device_and_a_link(form: str, tmp_path: Path) -> None:
    names, link = tmp_path / "names", tmp_path / "link"
    names.write_text("anna\n")
    link.symlink_to("real")
    for out in (Path("/dev/null"), link):
        assert batch.answer_all(names, answered, out, form) == 1
    assert Path("/dev/null").is_char_device()
    assert link.is_symlink()
    assert "anna" in (tmp_path / "real").read_text()


def test_a_file_that_became_a_folder_meanwhile_is_told(tmp_path: Path) -> None:
    names, out = tmp_path / "names", tmp_path / "out.csv"
    names.write_text("anna\n")

    def ask(asked: Sequence[str]) -> list[Reader]:
        out.mkdir()
        return answered(asked)

    with pytest.raises(DataError, match=r"out\.csv: cannot be written"):
        batch.answer_all(names, ask, out, "csv")
    assert {path.name for path in tmp_path.iterdir()} == {"names", "out.csv"}


def test_a_disk_that_is_full_is_told_and_the_old_file_stays(tmp_path: Path) -> None:
    names, out = tmp_path / "names", tmp_path / "out.csv"
    names.write_text("a\n" * 10)
    out.write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(DataError, match=r"out\.csv: cannot be written"):
            batch.answer_all(names, answered, out, "csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert out.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"names", "out.csv"}


def test_what_fails_while_it_is_asked_is_not_told_as_a_failure_to_write(tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_text("a\n")

    def ask(asked: Sequence[str]) -> list[Reader]:
        raise PermissionError("the model")

    with pytest.raises(PermissionError, match="the model"):
        batch.answer_all(names, ask, tmp_path / "out.csv", "csv")
    assert [path.name for path in tmp_path.iterdir()] == ["names"]


def test_one_reader_is_printed_and_not_written(push_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, said = told(["--push-dir", str(push_dir), "--user", "a", "--out", "x"], capsys, exit_code=2)
    assert "--out" in said


def test_a_server_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    server = "http://127.0.0.1:1"
    flags = ["--server", server, "--pseudonyms", "--user", "a", "--timeout-seconds", "0.2"]
    _, said = told(flags, capsys, exit_code=1)
    assert said.startswith(f"error: {server}: ")
    assert "UNAVAILABLE" in said
