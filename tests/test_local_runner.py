"""Runs that are refused before their first step: what they say, and the report that they leave."""

import fcntl
import sys
from pathlib import Path

import pytest

import local_runner
from core.pseudonyms import KEY_FILE_VARIABLE, KEY_VARIABLE
from pipeline.commands import report_index
from pipeline.local.report import REPORTS
from report.facts.run import RunFacts
from report.page.files import PAGE_FILE, read_facts
from tests.report.html_page import HtmlPage

HEADER = "User,ISBN,RatingOf5,Genres\n"


@pytest.fixture(autouse=True)
def no_step_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """TFX cannot be loaded, so that whatever comes after preflight fails in another way."""
    monkeypatch.setitem(sys.modules, "tfx", None)
    for name in (KEY_VARIABLE, KEY_FILE_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def arguments(folder: Path, *flags: str) -> list[str]:
    return [f"--data={folder}/reviews.csv", f"--work-dir={folder}/work", f"--push-dir={folder}/push", *flags]


def report_of(output: str) -> tuple[RunFacts, HtmlPage]:
    """The report whose path is all that was printed."""
    [line] = output.splitlines()
    page = Path(line.removeprefix("Report: "))
    assert page.name == PAGE_FILE
    return read_facts(str(page.parent)), HtmlPage(page.read_text(encoding="utf-8"))


def test_a_wrong_header_leaves_a_report_that_the_index_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "reviews.csv").write_text(HEADER.replace("ISBN", "Title") + "ann,Dune,5,\n")
    assert local_runner.main(arguments(tmp_path, "--split.min-reviews=7")) == 2
    said = capsys.readouterr()
    facts, page = report_of(said.out)
    assert (facts.outcome, facts.failed_step, facts.steps, facts.gates) == ("failed", None, (), ())
    assert facts.lineage.configuration["split"]["min_reviews"] == 7
    assert facts.lineage.data_sha256 is None
    assert said.err == f"error: {facts.error}\n"
    assert "The run failed before its first step" in page.text
    for told in (f"{tmp_path}/reviews.csv:1", "no column 'ISBN'", "'Title'", "Rename or add what is missing"):
        assert told in page.text
    assert "Traceback" not in said.out + said.err + page.text
    assert "Kubeflow" not in page.text
    index = report_index.write_index(tmp_path / "work" / REPORTS)
    assert f'href="{facts.run_id}/index.html"' in index.read_text(encoding="utf-8")


def test_all_faults_are_in_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "key").write_text("short")
    assert local_runner.main(arguments(tmp_path, f"--pseudonym-key-file={tmp_path}/key")) == 2
    facts, page = report_of(capsys.readouterr().out)
    for told in ("2 faults", f"--data {tmp_path}/reviews.csv", f"{tmp_path}/key"):
        assert told in page.text
    assert facts.lineage.pseudonym_key_id is None


def test_a_work_folder_that_is_in_use_leaves_one_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "reviews.csv").write_text(HEADER + "ann,Dune,5,\n")
    (tmp_path / "work").mkdir()
    with (tmp_path / "work" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert local_runner.main(arguments(tmp_path)) == 2
    _, page = report_of(capsys.readouterr().out)
    assert "another run is at work there" in page.text


def test_a_work_folder_that_cannot_hold_a_report_is_told_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reviews.csv").write_text(HEADER + "ann,Dune,5,\n")
    (tmp_path / "work").write_text("a file")
    assert local_runner.main(arguments(tmp_path)) == 2
    said = capsys.readouterr()
    assert said.out == "Report: could not be written (Not a directory)\n"
    assert said.err.startswith("error: --work-dir")
    assert "Traceback" not in said.out + said.err


def test_flags_that_cannot_be_parsed_leave_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert local_runner.main(arguments(tmp_path, "--split.min-reviews=many")) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "--split.min-reviews" in said.err
    assert not list(tmp_path.iterdir())
