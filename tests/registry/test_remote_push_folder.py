"""The tools for versions, on a push folder in an object store."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.project import ROOT
from registry import archive, release
from registry.push_folder import PushFolder
from serving import recommend
from storage import locations
from tests.s3_server import Bucket, free_port
from transform import features

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("serving")]

# For each line N a child copies a model into the push folder, and is killed before it writes object number N. How each
# has ended is printed. One process loads the libraries for all.
KILLED_PUSHES = """
import os, signal, sys
from storage.objects import ObjectFiles
from registry.push_folder import PushFolder
source, push_dir = sys.argv[1:]
write, written = ObjectFiles.writer, []
def watched(self, location):
    if len(written) == last:
        os.kill(os.getpid(), signal.SIGKILL)
    written.append(location)
    return write(self, location)
ObjectFiles.writer = watched
for line in sys.stdin:
    last = int(line)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            PushFolder(push_dir).push(source, {"assets.extra/release.json": {}})
            status = 0
        finally:
            os._exit(status)
    print(os.waitpid(child, 0)[1], flush=True)
"""


# For what takes seconds: the schemes differ by their names, which the quick tests prove.
slow_for_each_scheme = pytest.mark.parametrize(
    "location", ["s3", pytest.param("minio", marks=pytest.mark.exhaustive)], indirect=True
)


@pytest.fixture(params=["s3", "minio"])
def location(request: pytest.FixtureRequest, bucket: Bucket) -> str:
    return f"{request.param}://{bucket.name}/models/readalike"


@pytest.fixture
def filled(location: str, bucket: Bucket) -> str:
    for version, recall in (("8", 0.19), ("9", 0.21), ("10", 0.2)):
        note = {"pushed_at": f"2026-01-{int(version):02}T00:00:00Z", "measured": {"recall_at_20": {"value": recall}}}
        files = {"saved_model.pb": f"graph of {version}", features.RELEASE_NOTE_FILE: json.dumps(note)}
        for name, content in files.items():
            bucket.put(f"models/readalike/{version}/{name}", content)
    return location


def test_versions_are_listed_and_shown(filled: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main(["list", "--json", "--push-dir", filled]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(item["version"], item["recall_at_20"], item["served"]) for item in listed] == [
        ("8", 0.19, False),
        ("9", 0.21, False),
        ("10", 0.2, True),
    ]
    assert release.main(["show", "9", "--push-dir", f"{filled}/"]) == 0
    assert "measured.recall_at_20.value" in capsys.readouterr().out


def test_a_rollback_and_a_pruning_do_what_they_do_locally(
    filled: str, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release.main(["rollback", "--push-dir", filled]) == 0
    assert "Version 11, a copy of 9, is served in place of 10" in capsys.readouterr().out
    assert bucket.get("models/readalike/11/saved_model.pb") == b"graph of 9"
    assert release.main(["prune", "--keep", "2", "--push-dir", filled]) == 0
    assert "Removed 8, 9. Served: 11" in capsys.readouterr().out
    assert {key.split("/")[2] for key in bucket.names()} == {"", "10", "11"}


def test_listing_loads_no_tensorflow(filled: str, tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "saved_model.pb").touch()
    for push_dir in (filled, str(tmp_path)):
        program = (
            "import sys\nfrom serving import release\n"
            f"release.main(['list', '--push-dir', {push_dir!r}])\nsys.exit('tensorflow' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "served" in done.stdout


@pytest.mark.parametrize(
    ("push_dir", "told"),
    [
        ("s3://{bucket}/empty", "no model has been pushed there"),
        ("s3://no-such-bucket/push", "has no bucket 'no-such-bucket'"),
        ("hdfs://host/push", "the scheme hdfs:// is not known"),
    ],
)
def test_a_place_without_models_is_told_by_every_tool(
    push_dir: str, told: str, tmp_path: Path, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    push_dir = push_dir.format(bucket=bucket.name)
    out = tmp_path / "model.zip"
    assert release.main(["list", "--push-dir", push_dir]) == 2
    assert recommend.main(["--push-dir", push_dir, "--user", "ann", "--pseudonyms"]) == 2
    assert archive.main(["make", push_dir, str(out)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert all(told in line and push_dir in line for line in said)
    assert not out.exists()


def test_a_store_that_is_not_there_is_told(
    location: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{free_port()}")
    assert release.main(["list", "--push-dir", location]) == 2
    assert f"error: {location}: http://127.0.0.1:" in capsys.readouterr().err


@slow_for_each_scheme
def test_a_pushed_model_is_asked_where_it_is(
    location: str, push_dir: Path, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    PushFolder(location).push(str(push_dir / "1"), {})
    answers = []
    for source in (str(push_dir), location):
        assert recommend.main(["--push-dir", source, "--user", "nobody", "--pseudonyms", "--json", "-k", "5"]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1]
    assert len(answers[1]["recommendations"]) == 5
    assert recommend.main(["--push-dir", f"{location}/", "--user", "nobody", "--pseudonyms"]) == 0
    assert f"version 1 in {location}" in capsys.readouterr().out.replace("\n", "")


def test_an_archive_of_a_remote_version_is_that_of_the_local_one_and_is_extracted_anywhere(
    location: str, push_dir: Path, tmp_path: Path, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    local, remote = tmp_path / "local.zip", tmp_path / "remote.zip"
    PushFolder(location).push(str(push_dir / "1"), {})
    assert archive.main(["make", str(push_dir), str(local)]) == 0
    assert archive.main(["make", location, str(remote)]) == 0
    assert remote.read_bytes() == local.read_bytes()
    assert f"Wrote {location}, version 1, to {remote}" in capsys.readouterr().out
    assert archive.main(["make", f"{location}/1", str(remote)]) == 0
    assert remote.read_bytes() == local.read_bytes()
    assert archive.main(["extract", str(remote), f"{location}/2"]) == 0
    first, second = (locations.files(f"{location}/{version}") for version in ("1", "2"))
    assert set(first) - set(second) == {features.HOLDOUT_MODEL_FILE}
    assert set(second) <= set(first)
    assert PushFolder(location).versions() == ["1", "2"]
    assert archive.main(["extract", str(remote), f"{location}/2"]) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_damaged_archive_leaves_nothing_in_the_store(
    location: str, push_dir: Path, tmp_path: Path, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    assert archive.main(["make", str(push_dir), str(tmp_path / "model.zip")]) == 0
    content = bytearray((tmp_path / "model.zip").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "model.zip").write_bytes(content)
    assert archive.main(["extract", str(tmp_path / "model.zip"), f"{location}/2"]) == 2
    assert bucket.names() == []


@contextmanager
def pushes(source: Path, push_dir: str) -> Iterator[Callable[[int], int]]:
    """Gives what pushes, is killed before it writes so many objects and one more, and tells how it has ended."""
    command = [sys.executable, "-c", KILLED_PUSHES, str(source), push_dir]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def push(last: int) -> int:
            print(last, file=process.stdin, flush=True)
            return int(process.stdout.readline())

        yield push


@slow_for_each_scheme
def test_a_push_that_is_killed_between_two_files_shows_no_version_and_the_next_completes(
    filled: str, tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [
        "assets/books.txt",
        "saved_model.pb",
        "variables/variables.data",
        "variables/variables.index",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"new {name}")
    folder = PushFolder(filled)
    writes = len(names) + 1
    with pushes(tmp_path, filled) as push:
        for last in range(writes):
            assert push(last) == signal.SIGKILL
            written = [key for key in bucket.names() if key.split("/")[2] not in ("8", "9", "10")]
            assert len(written) == sum(range(last + 1))
            assert folder.versions() == ["8", "9", "10"]
            assert release.main(["list", "--push-dir", filled]) == 0
        assert push(writes) == 0
    [*older, new] = folder.versions()
    assert older == ["8", "9", "10"]
    assert bucket.get(f"models/readalike/{new}/saved_model.pb") == b"new saved_model.pb"
    later = time.time() + 7200
    monkeypatch.setattr("registry.push_folder.time.time", lambda: later)
    folder.remove_leftovers()
    assert {key.split("/")[2] for key in bucket.names()} == {"", "8", "9", "10", new}
