"""Titles of every kind are pushed, recommended and reported, and what is shown of them is what came in."""

import csv
import io
import json
import string
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.spreadsheet_cells import as_cell
from core.terminal_text import visible
from serving import recommend
from tests.e2e.runs import Run, Runner
from tests.report.html_page import HtmlPage

pytestmark = [pytest.mark.e2e, pytest.mark.exhaustive]

TITLES = 250
HOSTILE = (
    *string.punctuation,
    *(f"{mark}{mark}{mark}" for mark in string.punctuation),
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;http://x.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[H",
    "bell\x07",
    "back\x08space",
    "delete\x7f",
    "next\x85line",
    "csi\x9b31m",
    "[/audio]",
    "[electronic resource]",
    "[bold red]",
    "[link=http://x.example]",
    "[[",
    "\\[",
    ":smile:",
    ":warning-text:",
    "\u202eright to left\u202c",
    "\u200flrm\u200e",
    "\u2067isolate\u2069",
    "\ufeffbom",
    "zero\u200bwidth",
    "soft\u00adhyphen",
    "line\u2028separator\u2029",
    "=cmd|' /C calc'!A1",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\tTab",
    '=HYPERLINK("http://x.example")',
    "<script>alert(1)</script>",
    "</script><b>",
    "<!--",
    "&lt;&amp;&#x3c;",
    "]]>",
    "{{ title }}",
    "{% raw %}",
    "${title}",
    "%s %n %(title)s",
    "`code` **bold** _it_ [a](b) | # ~~",
    "\\x1b\\n\\u202e",
    "'; DROP TABLE books; --",
    "日本語 עברית العربية ไทย",
    "👩\u200d👩\u200d👧 e\u0301",
    "NULL",
    "nan",
    "1e5",
    "🏴\U000e0067\U000e007f",
)


def titles() -> list[str]:
    """Every hostile text in front, in the middle or at the end of a title; each title once."""
    found = []
    for number in range(TITLES):
        text, place = HOSTILE[number % len(HOSTILE)], number // len(HOSTILE)
        found.append((f"{text} {number}", f"Book {text} {number}", f"{number} {text}", f"{number}{text}")[place])
    return found


def reviews(titles: Sequence[str]) -> str:
    """Of 500 readers of two tastes, each with 20 books of one."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["", "User", "ISBN", "RatingOf5", "Genres"])
    for reader in range(500):
        for book in range(20):
            place = (reader * 7 + book * 3) % (TITLES // 2) * 2 + reader % 2
            writer.writerow([reader * 20 + book, f"reader-{reader}", titles[place], book % 5 + 1, "['Fiction']"])
    return written.getvalue()


def bought(reader: int, titles: Sequence[str]) -> set[str]:
    return {titles[(reader * 7 + book * 3) % (TITLES // 2) * 2 + reader % 2] for book in range(20)}


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("hostile")
    data = folder / "reviews.csv"
    data.write_text(reviews(titles()), encoding="utf-8", newline="")
    return Runner(folder)(data, "--training.parts=closed_form")


def assert_plain(said: str) -> None:
    """Nothing that a terminal obeys."""
    assert visible(said) == said


def test_the_titles_are_as_many_and_as_bad_as_they_should_be() -> None:
    assert len(set(titles())) == TITLES
    assert all(any(mark in title for title in titles()) for mark in string.punctuation)
    assert sum(visible(title) != title for title in titles()) > 30


def test_a_run_pushes_and_shows_them(pushed: Run) -> None:
    assert pushed.exit_code == 0, pushed.errors
    assert_plain(pushed.output)
    assert_plain(pushed.errors)
    assert "reader-" not in pushed.output


def test_all_unread_titles_are_recommended_as_they_came_in(pushed: Run, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [f"--push-dir={pushed.push_dir}", "--user=reader-8", f"-k{TITLES}", "--json"]
    assert recommend.main(asked) == 0
    said = capsys.readouterr().out
    assert_plain(said)
    assert {book["isbn"] for book in json.loads(said)["recommendations"]} == set(titles()) - bought(8, titles())


def test_the_table_shows_each_title_made_visible(
    pushed: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert recommend.main([f"--push-dir={pushed.push_dir}", "--user=reader-8", f"-k{TITLES}"]) == 0
    said = capsys.readouterr().out
    assert_plain(said)
    for title in set(titles()) - bought(8, titles()):
        assert visible(title).expandtabs() in said.expandtabs(), title


@pytest.mark.parametrize("safe", [True, False])
def test_a_table_of_answers_has_each_title_which_no_spreadsheet_runs(pushed: Run, tmp_path: Path, safe: bool) -> None:
    (tmp_path / "readers.txt").write_text("reader-8\nreader-9\n")
    out = tmp_path / "answers.csv"
    asked = [f"--push-dir={pushed.push_dir}", f"--users={tmp_path / 'readers.txt'}", f"--out={out}", f"-k{TITLES}"]
    assert recommend.main([*asked, *([] if safe else ["--no-spreadsheet-safe"])]) == 0
    with out.open(encoding="utf-8", newline="") as file:
        found = [row["isbn"] for row in csv.DictReader(file) if row["user"] == "reader-8"]
    expected = set(titles()) - bought(8, titles())
    assert set(found) == {as_cell(title, safe) for title in expected}


def test_the_report_shows_titles_as_text(pushed: Run) -> None:
    page = HtmlPage((pushed.report / "index.html").read_text(encoding="utf-8"))
    facts = json.loads((pushed.report / "facts.json").read_text(encoding="utf-8"))
    shown = {book["title"] for reader in facts["readers"] for book in (*reader["read"], *reader["recommended"])}
    assert len(shown) > 50
    assert shown <= set(titles())
    text = " ".join(page.text.split())
    for title in shown:
        assert " ".join(visible(title).split()) in text or " ".join(title.split()) in text, title
    assert len(page.all("script")) <= 1
