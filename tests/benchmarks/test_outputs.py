"""Where a benchmark cannot write its figures, it says so before it measures."""

from importlib import import_module
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["evaluation", "quality", "scale.__main__", "serving", "size"])
def test_an_output_that_cannot_be_written_is_told_first(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "file" / "figures.json"
    out.parent.touch()
    assert import_module(f"benchmarks.{name}").main(["--out", str(out)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"error: --out {out}: cannot be written (")
    assert not said.out
