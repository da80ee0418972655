"""A version at 8 bits is measured beside the same one in float32."""

import json
from pathlib import Path

import pytest

from benchmarks import size


@pytest.mark.exhaustive
@pytest.mark.e2e
def test_a_version_is_measured_beside_the_same_one_in_float32(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "size.json"
    assert size.main(["--reviews", "4000", "--users", "600", "--books", "300", "--out", str(out)]) == 0
    stored, floats = json.loads(out.read_text())
    assert (stored["vectors"], floats["vectors"], stored["width"]) == (size.STORED, size.FLOAT32, 256)
    assert 250 < stored["users"] < 600
    tables = 2 * stored["books"] * stored["width"] / 2**20
    assert floats["saved_model_mib"] - stored["saved_model_mib"] == pytest.approx((4 - 1.125) * tables, rel=0.05)
    assert floats["archive_mib"] > stored["archive_mib"] + 2 * tables
    assert stored["archive_with_twin_mib"] > stored["archive_mib"] + 0.7 * tables
    assert 0.98 < stored["top_100_in_common"] < floats["top_100_in_common"] == 1
    assert 0 < stored["resident_before_mib"] < stored["resident_mib"] <= stored["peak_mib"]
    printed = capsys.readouterr().out
    assert f"| {size.STORED} | {stored['archive_mib']:.1f} |" in printed
    assert f"| {size.FLOAT32} | {floats['archive_mib']:.1f} |" in printed
