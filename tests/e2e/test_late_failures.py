"""What goes wrong when most is done: a disk that is full, and a report that cannot be written after the push."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.push_folder import newest_version
from tests.e2e.killed_runs import count_whole_versions
from tests.e2e.runs import HEADER, TASTES, Runner

pytestmark = [pytest.mark.e2e, pytest.mark.exhaustive]

QUICK = "--training.parts=closed_form"


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_text(HEADER + TASTES)
    return path


def test_a_failure_after_the_push_says_which_version_is_served(
    reviews: Path, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere/index.html")

    monkeypatch.setattr("report.run_report.write_report", fail)
    done = run(reviews, QUICK)
    assert done.exit_code == 2
    version = newest_version(done.push_dir).name
    assert f"Version {version} was pushed before, and is served from {done.push_dir}." in done.output
    assert "no space is left on a disk" in done.errors
    assert "/somewhere/index.html" in done.errors
    assert "Traceback" not in done.output + done.errors


@pytest.fixture(params=[256, 512, 1024, 1536])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A disk of so many KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={request.param}k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_push_folder_ends_a_run_with_its_name_and_nothing_is_pushed_by_halves(
    reviews: Path, small_disk: Path, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in small_disk.rglob("*") if path.is_file()}
    (small_disk / "filling").write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * 4096 - 65536))
    done = Runner(tmp_path)(reviews, QUICK, f"--push-dir={small_disk}/push")
    assert done.exit_code == 2, done.output + done.errors
    assert f"--push-dir {small_disk}/push: cannot be written" in done.errors
    assert "Make room" in done.errors
    assert count_whole_versions(small_disk / "push") == 0
    assert before.items() <= {path: path.read_bytes() for path in small_disk.rglob("*") if path.is_file()}.items()


def test_a_full_work_disk_ends_a_run_with_its_name_and_what_was_pushed_is_told(
    reviews: Path, small_disk: Path, tmp_path: Path
) -> None:
    done = Runner(tmp_path)(reviews, QUICK, f"--work-dir={small_disk}/work")
    assert done.exit_code == 2, done.output + done.errors
    assert f"--work-dir {small_disk}/work: no space is left" in done.errors
    assert "Make room" in done.errors
    assert "Traceback" not in done.output + done.errors
    assert count_whole_versions(tmp_path / "push") == done.output.count("was pushed before, and is served from")
