"""The main job on the bundled sample: exit 0, a pushed model, recommendations."""

import json
import re

import pytest

from core.pseudonyms import key_id, pseudonymise, read_key
from registry.push_folder import newest_version
from serving import recommend
from serving.pushed_model import PushedModel
from tests.e2e.runs import Run

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def model(sample_run: Run) -> PushedModel:
    return PushedModel(newest_version(sample_run.push_dir))


def test_it_pushes_a_version_that_is_a_number(sample_run: Run) -> None:
    assert sample_run.exit_code == 0, sample_run.output + sample_run.errors
    [version] = sample_run.push_dir.iterdir()
    assert version.name.isdigit()
    assert (version / "saved_model.pb").is_file()


def test_a_person_sees_each_step_and_how_long_it_took(sample_run: Run) -> None:
    finished = re.findall(r"^\[ ?(\d+)/15\] \w+: [\d.]+ s$", sample_run.output, re.MULTILINE)
    assert [int(number) for number in finished] == list(range(1, 16))
    assert "unique books" in sample_run.output
    assert "Recall@20" in sample_run.output
    assert not sample_run.errors


def test_the_libraries_logs_are_in_a_file_of_the_owner(sample_run: Run) -> None:
    [log] = (sample_run.work_dir / "logs").iterdir()
    assert "Component Trainer is running." in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_three_readers_are_shown_with_five_different_books_each(sample_run: Run, model: PushedModel) -> None:
    readers = re.findall(r"reader ([0-9a-f]{32})", sample_run.output)
    assert len(readers) == 3
    for reader in readers:
        [(books, known)] = model.recommend([reader], 5)
        assert known
        titles = [book.isbn for book in books]
        assert len(set(titles)) == 5
        read = model.read_books(reader)
        assert read
        assert not set(titles) & set(read)
        assert all(title.split("\n")[0][:20] in sample_run.output for title in titles)


def test_the_run_made_a_key_for_its_owner_only_and_said_so(sample_run: Run, model: PushedModel) -> None:
    key_file = sample_run.work_dir / "pseudonym.key"
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert f"A new pseudonym key was made: {key_file}" in sample_run.output
    assert model.facts["pseudonym_key_id"] == key_id(read_key(key_file))


def test_a_reader_is_found_by_name(
    sample_run: Run, model: PushedModel, sample_reader: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recommend.main(["--push-dir", str(sample_run.push_dir), "--user", sample_reader, "-k", "7", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    key = read_key(sample_run.work_dir / "pseudonym.key")
    assert answer["user_id"] == pseudonymise(sample_reader, key)
    assert answer["known_user"] is True
    titles = [book["isbn"] for book in answer["recommendations"]]
    assert len(set(titles)) == 7
    assert not set(titles) & set(model.read_books(answer["user_id"]))


def test_a_stranger_gets_the_popular_books(sample_run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert recommend.main(["--push-dir", str(sample_run.push_dir), "--user", "nobody at all"]) == 0
    assert "most popular" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-k", "1000001"], "-k 1000001"),
        (["-k", "0"], "-k 0"),
        (["--key-file", "{push}/other.key"], "is not that of version"),
        (["--key-file", "{push}/none.key"], "none.key"),
        (["--push-dir", "{push}/empty"], "no model has been pushed"),
    ],
)
def test_a_wrong_question_gets_a_readable_error(
    sample_run: Run, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (sample_run.push_dir / "other.key").write_text("0123456789abcdef0123456789abcdef")
    try:
        asked = [argument.format(push=sample_run.push_dir) for argument in arguments]
        assert recommend.main(["--push-dir", str(sample_run.push_dir), "--user", "someone", *asked]) == 2
    finally:
        (sample_run.push_dir / "other.key").unlink()
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert told in said
