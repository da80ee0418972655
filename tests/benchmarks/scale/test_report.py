"""What was measured, in tables and ratios."""

import pytest

from benchmarks.scale import report
from benchmarks.scale.parts import CHECK, NOTEBOOK, PIPELINE, STOCK
from core.terminal_text import PlainConsole


def taken(step: str, seconds: float, cpu: float, peak: float, total: float) -> dict[str, object]:
    return {
        "step": step,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "peak_mib": peak,
        "peak_sum_mib": total,
        "rows_per_second": 5_000 / seconds if seconds else None,
    }


def test_parts_are_compared_as_a_whole_and_up_to_transform(capsys: pytest.CaptureFixture[str]) -> None:
    ours = [
        taken("start, imports", 10, 9, 5_000, 5_000),
        taken("RatingsExampleGen", 2, 3, 500, 700),
        taken("Transform", 3, 4, 800, 900),
        taken("Trainer", 35, 70, 2_000, 2_500),
        taken("whole", 50, 86, 5_000, 5_000),
    ]
    stock = [
        taken("start, imports", 20, 1, 1, 1),
        taken("CsvExampleGen", 30, 28, 1_000, 1_000),
        taken("Transform", 20, 21, 1_600, 1_800),
        taken("whole", 70, 50, 1_600, 1_800),
    ]
    script = [taken("fit", 80, 160, 3_000, 3_000), taken("whole", 200, 172, 2_500, 4_000)]
    parts = {PIPELINE: {"steps": ours}, NOTEBOOK: {"steps": script}, STOCK: {"steps": stock}}
    found = report.ratios(parts)
    assert [row["ratio"] for row in found if "notebook" in row["of"]] == [0.25, 0.5, 2, 1.25]
    up_to_transform = [(row["first"], row["second"], row["ratio"]) for row in found if "Transform" in row["of"]]
    assert up_to_transform == [(50, 5, 10), (49, 7, 7), (1_600, 800, 2), (1_800, 900, 2)]
    assert report.ratios({PIPELINE: parts[PIPELINE], CHECK: {"steps": []}}) == []
    console = PlainConsole(width=100)
    report.print_part(console, PIPELINE, {"steps": ours, "found": {"rows": 7, "same": True}}, 5_000)
    report.print_ratios(console, found)
    printed = [" ".join(line.strip(" │┃").replace("│", " ").split()) for line in capsys.readouterr().out.splitlines()]
    assert "this pipeline, 5,000 rows" in printed
    assert "Trainer 35.0 70.0 2,000 2,500 143" in printed
    assert "same: True" in printed
    assert "to Transform, stock / pipeline seconds 50.0 5.0 10.00" in printed
