"""The list of rejects as a file that people open."""

import csv
from pathlib import Path

import pytest

from components.ingestion import reject_list
from data.reviews.csv_reader import Reject
from tests.odd_names import ODD_FOLDER


@pytest.mark.parametrize(("spreadsheet_safe", "mark"), [(True, "'"), (False, "")])
def test_texts_that_a_spreadsheet_would_run_are_marked(spreadsheet_safe: bool, mark: str, tmp_path: Path) -> None:
    folder = tmp_path / ODD_FOLDER
    folder.mkdir()
    for part, name in enumerate(("=cmd.csv", "/data/a.csv")):
        reject_list.write_part(str(folder), part, [Reject(name, 7, "User", "no user")], spreadsheet_safe)
    reject_list.gather(str(folder), 2)
    assert [path.name for path in folder.iterdir()] == [reject_list.REJECTS_FILE]
    with (folder / reject_list.REJECTS_FILE).open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["file", "line", "column", "reason"],
        [f"{mark}=cmd.csv", "7", "User", "no user"],
        ["/data/a.csv", "7", "User", "no user"],
    ]
