"""A job that is killed at many points: `python -m tests.registry.killed JOB FOLDER POINTS`.

It fails where one of the kills leaves harm. A child of this process does the job and kills itself, as `kill -9` does,
at the n-th call of a C function: the same points each time, from the first call to the last. TFX is loaded once.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from registry import archive, push_history
from registry.push_folder import PushFolder
from tests.serving.pushes import ARTIFACT, bring_artifact, push

BYTES = 1 << 20


class Job(NamedTuple):
    prepare: Callable[[Path], None]
    do: Callable[[Path], None]
    check: Callable[[Path], None]
    """What holds whenever the job was killed."""
    check_done: Callable[[Path], None]
    """What holds when it was killed and done again."""


def write_version(folder: Path, seed: int) -> None:
    for name in ("assets/user_vocabulary.txt", "assets.extra/twin.npz", "variables/variables.index", "saved_model.pb"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes([seed]) + os.urandom(256) * (BYTES // 256))
    (folder / "assets.extra" / "readalike.json").write_text("{}")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def in_child(do: Callable[[], None], kill_at: int | None = None, count: Path | None = None) -> int:
    """Returns the child's exit status, after it did all, or was killed at its `kill_at`-th call."""
    child = os.fork()
    if child == 0:
        calls = 0

        def profile(frame: Any, event: str, argument: Any) -> None:
            nonlocal calls
            if event == "c_call":
                calls += 1
                if calls == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        status = 1
        try:
            sys.setprofile(profile)
            do()
            sys.setprofile(None)
            if count is not None:
                count.write_text(str(calls))
            status = 0
        except BaseException as error:
            sys.setprofile(None)
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def kill_everywhere(job: Job, folder: Path, points: int) -> None:
    template, state, count = folder / "template", folder / "state", folder / "count"
    template.mkdir()
    job.prepare(template)
    shutil.copytree(template, state)
    contents(state)  # Fills caches of the library, which the job would else fill in the first child only.
    assert in_child(lambda: job.do(state), count=count) == 0
    job.check(state)
    job.check_done(state)
    calls = int(count.read_text())
    assert calls > points, calls
    for point in range(points):
        shutil.rmtree(state)
        shutil.copytree(template, state)
        status = in_child(lambda: job.do(state), kill_at=1 + point * (calls - 1) // (points - 1))
        assert os.WIFSIGNALED(status) or point == points - 1, (point, status)
        job.check(state)
        assert in_child(lambda: job.do(state)) == 0
        job.check(state)
        job.check_done(state)
    print(f"{calls} calls, killed at {points} of them")


VERSIONS = ("7", "8", "9", "10")


def prepare_push(folder: Path) -> None:
    for seed, version in enumerate(VERSIONS):
        write_version(folder / "push" / version, seed)


def seen(folder: Path) -> list[Path]:
    """Returns what TF Serving sees, after checking that each is whole."""
    found = sorted(
        (path for path in (folder / "push").iterdir() if path.name.isdigit()), key=lambda path: int(path.name)
    )
    template = folder.parent / "template"
    whole = [contents(template / "push" / version) for version in VERSIONS]
    whole += map(contents, template.glob(f"{ARTIFACT}/*"))
    for version in found:
        files = contents(version)
        files.pop("assets.extra/rollback.json", None)
        files.pop("assets.extra/release.json", None)
        assert files in whole, f"{version} is half a version"
    return found


def prepare_artifact(folder: Path) -> None:
    prepare_push(folder)
    write_version(folder / "model", len(VERSIONS))
    bring_artifact(folder / "model", folder)


def check_pushed(folder: Path) -> None:
    pushed = contents(seen(folder)[-1])
    assert pushed.pop("assets.extra/release.json")
    assert pushed == contents(folder / "model")


def check_prune(folder: Path) -> None:
    assert [path.name for path in seen(folder)][-2:] == ["9", "10"]


def check_pruned(folder: Path) -> None:
    assert names(folder / "push") == ["10", "9"]


def roll_back(folder: Path) -> None:
    push_history.roll_back(PushFolder(f"{folder}/push"), time.time())


def check_history(folder: Path) -> None:
    found = [path.name for path in seen(folder)]
    assert found[: len(VERSIONS)] == list(VERSIONS), "the history has changed"


def check_rolled_back(folder: Path) -> None:
    """A rollback that was killed after its rename has served: done again, it goes one back further."""
    *_, last = seen(folder)
    assert push_history.read_release(PushFolder(f"{folder}/push"), last.name).origin in ("8", "9")


def prepare_archive(folder: Path) -> None:
    write_version(folder / "version", 1)
    archive.make(folder / "version", folder / "model.zip", holdout_model=True)


def extract(folder: Path) -> None:
    if not (folder / "push" / "5").exists():
        archive.extract(folder / "model.zip", folder / "push" / "5")


def check_extract(folder: Path) -> None:
    for path in (folder / "push").iterdir() if (folder / "push").exists() else ():
        assert path.name == ".incoming-5" or contents(path) == contents(folder / "version")


def check_extracted(folder: Path) -> None:
    assert names(folder / "push") == ["5"]


def make(folder: Path) -> None:
    archive.make(folder / "version", folder / "again.zip", holdout_model=True)


def check_make(folder: Path) -> None:
    if (folder / "again.zip").exists():
        assert (folder / "again.zip").read_bytes() == (folder / "model.zip").read_bytes()


def check_made(folder: Path) -> None:
    assert names(folder) == ["again.zip", "model.zip", "version"]


JOBS = {
    "push": Job(prepare_artifact, lambda folder: push(folder / "push", folder), check_history, check_pushed),
    "prune": Job(prepare_push, lambda folder: _prune(folder), check_prune, check_pruned),
    "rollback": Job(prepare_push, roll_back, check_history, check_rolled_back),
    "extract": Job(prepare_archive, extract, check_extract, check_extracted),
    "make": Job(prepare_archive, make, check_make, check_made),
}


def _prune(folder: Path) -> None:
    PushFolder(f"{folder}/push").prune(2)


if __name__ == "__main__":
    if sys.argv[1] == "push":
        pass
    kill_everywhere(JOBS[sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3]))
