import subprocess
import sys
from pathlib import Path

import pytest

from core.project import ROOT
from scripts.bootstrap import doctor, host


def test_findings_name_what_an_engineer_asks_for() -> None:
    found = dict(doctor.findings())
    assert found["Python"].startswith(sys.version.split()[0])
    assert found["tfx"].startswith("1.21")
    assert found["tensorflow"].startswith("2.21")
    assert found["glibc of the environment"].startswith("glibc 2.")
    assert "GiB" in found["free memory"]
    assert "GiB" in found["free disk"]


def test_the_key_itself_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READALIKE_PSEUDONYM_KEY", "a-very-secret-key")
    assert "a-very-secret-key" not in repr(list(doctor.findings()))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda patch: patch.setattr(doctor, "free_memory_gib", lambda: 0.5), "memory"),
        (lambda patch: patch.setattr(doctor, "free_disk_gib", lambda: 0.5), "disk"),
        (lambda patch: patch.setenv("TF_USE_LEGACY_KERAS", "0"), "Keras 2"),
        (lambda patch: patch.setattr(host, "platform_fault", lambda: "this is an abacus"), "abacus"),
        (lambda patch: patch.setattr(host, "build_faults", lambda: ["no headers"]), "no headers"),
        (lambda patch: patch.setattr(doctor, "ROOT", Path("/nowhere-at-all")), "make setup"),
    ],
)
def test_what_is_wrong_is_told_with_its_remedy(change, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if told == "make setup":
        monkeypatch.setattr(doctor, "free_disk_gib", lambda: 99.0)
    change(monkeypatch)
    assert any(told in fault for fault in doctor.faults())


def test_a_package_that_was_removed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", (*doctor.PACKAGES, "a-package-nobody-made"))
    monkeypatch.setattr(doctor, "_environment_state", lambda: "complete")
    assert [fault for fault in doctor.faults() if "has lost a-package-nobody-made" in fault]


def test_an_environment_whose_python_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/nowhere/at/all\n")
    python.chmod(0o755)
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    assert "does not start" in dict(doctor.findings())["environment's Python"]


@pytest.mark.integration
def test_it_runs_without_the_environment() -> None:
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info[1]}"
    done = subprocess.run(
        [base, "-S", "-m", "scripts.bootstrap.doctor"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "free memory" in done.stdout, done.stderr
