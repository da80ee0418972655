import json
from pathlib import Path

import pytest

from pipeline.commands import report_index
from report.facts.run import RunFacts
from tests.report.run_facts import EXAMPLE


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    facts = RunFacts.model_validate_json(EXAMPLE.read_text(encoding="utf-8"))
    for run_id in ("20260101-120000", "20260201-120000"):
        folder = tmp_path / "reports" / run_id
        folder.mkdir(parents=True)
        (folder / "facts.json").write_text(facts.model_copy(update={"run_id": run_id}).model_dump_json())
    return tmp_path


def test_the_index_has_every_run_and_its_path_is_printed(work_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report_index.main(["--work-dir", str(work_dir), "--no-open"]) == 0
    said = capsys.readouterr()
    page = work_dir / "reports" / "index.html"
    assert (said.out, said.err) == (f"{page}\n", "")
    for run_id in ("20260101-120000", "20260201-120000"):
        assert f'href="{run_id}/index.html"' in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("content", ["", "no JSON", json.dumps({"run_id": "of another version"})])
def test_a_report_that_cannot_be_read_is_left_out_and_named(
    content: str, work_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (work_dir / "reports" / "20260101-120000" / "facts.json").write_text(content)
    assert report_index.main(["--work-dir", str(work_dir), "--no-open"]) == 0
    assert "20260101-120000: left out" in capsys.readouterr().err
    assert "20260101-120000" not in (work_dir / "reports" / "index.html").read_text(encoding="utf-8")


def test_where_no_run_has_left_a_report_the_remedy_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report_index.main(["--work-dir", str(tmp_path)]) == 2
    assert "--work-dir" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("display", "opened"), [("", False), (":0", True)])
def test_it_is_opened_only_where_there_is_a_display(
    display: str, opened: bool, work_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser that only writes down what it is asked to open, found by Python as any other is."""
    log = work_dir / "opened"
    browser = work_dir / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {log}\n')
    browser.chmod(0o755)
    monkeypatch.setattr(report_index.webbrowser, "_tryorder", None)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert report_index.main(["--work-dir", str(work_dir)]) == 0
    assert log.exists() == opened
    if opened:
        assert log.read_text().strip() == (work_dir / "reports" / "index.html").as_uri()
