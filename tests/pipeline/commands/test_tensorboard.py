"""TensorBoard as a person opens it: a command in a shell, asked over HTTP for what its pages ask for."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
import pytest
import tensorflow as tf

from core.project import ROOT
from pipeline.commands.tensorboard import link_runs, main
from trainer.fitting.projector import write_projector
from transform.vocabulary import Vocabulary

BOOKS = Vocabulary([b"a\tb", b"Emma", "Ünï".encode()], np.array([3, 9, 5]))
VECTORS = np.array([[0.5, -1.5], [2, 3], [-4, 0.25]], np.float32)


def model_run(work_dir: Path, number: int) -> Path:
    """What Trainer leaves: the scalars of a temperature's training, and the projector's files."""
    folder = work_dir / "artifacts" / "Trainer" / "model_run" / str(number)
    with tf.summary.create_file_writer(str(folder / "temperature-0.1" / "train")).as_default():
        for epoch in range(3):
            tf.summary.scalar("epoch_loss", 9 - epoch, step=epoch)
            tf.summary.scalar("epoch_recall_at_20", epoch / 10, step=epoch)
    write_projector(VECTORS, BOOKS, str(folder))
    return folder


def began(folder: Path, seconds: int) -> None:
    """Names the logs of a run as if it had begun at `seconds`."""
    for path in list(folder.rglob("events.out.tfevents.*")):
        path.rename(path.with_name(f"events.out.tfevents.{seconds}.host.1.v2"))


@pytest.fixture(scope="module")
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work dir")
    for number, seconds in ((9, 1_700_000_000), (21, 1_700_003_605)):
        began(model_run(folder, number), seconds)
    return folder


@pytest.fixture(scope="module")
def address(work_dir: Path) -> Iterator[str]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pipeline.commands.tensorboard",
            "--work-dir",
            work_dir,
            "--host",
            "127.0.0.1",
            "--port",
            "0",
        ],
        cwd=ROOT,
        env={**os.environ, "TZ": "UTC"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    told = process.stdout.readline()
    found = re.fullmatch(r"2 runs of .*work dir0: (http://127\.0\.0\.1:\d+)/ \(Ctrl-C ends it\)\n", told)
    assert found, told
    yield found[1]
    process.send_signal(2)
    assert process.wait(60) == 0


RUNS = ["2023-11-14_22-13-20", "2023-11-14_23-13-25"]


def ask(address: str, route: str, **query: str) -> bytes:
    with urlopen(f"{address}/data/{route}?{urlencode(query)}", timeout=60) as answer:
        return answer.read()


def names_at_last(address: str, route: str, expected: list[str]) -> list[str]:
    """Asks until TensorBoard, which reads in the background, has read all. Returns the names, sorted: it sorts none."""
    until = time.monotonic() + 60
    while (names := sorted(json.loads(ask(address, route)))) != expected and time.monotonic() < until:
        time.sleep(0.5)
    return names


@pytest.mark.integration
def test_every_run_is_there_by_its_time_with_loss_and_recall(address: str) -> None:
    scalars = {f"{run}/temperature-0.1/train": {"epoch_loss", "epoch_recall_at_20"} for run in RUNS}
    until = time.monotonic() + 60
    while True:
        tags = json.loads(ask(address, "plugin/scalars/tags"))
        found = {run: set(tags[run]) for run in tags if run.endswith("/train")}
        if found == scalars or time.monotonic() > until:
            break
        time.sleep(0.5)
    assert found == scalars
    values = json.loads(ask(address, "plugin/scalars/scalars", run=next(iter(scalars)), tag="epoch_recall_at_20"))
    assert [value for _, _, value in values] == pytest.approx([0, 0.1, 0.2])


@pytest.mark.integration
def test_the_projector_has_the_books_of_every_run_with_their_titles(address: str) -> None:
    expected = [f"{run}/books" for run in RUNS]
    assert names_at_last(address, "plugin/projector/runs", expected) == expected
    [embedding] = json.loads(ask(address, "plugin/projector/info", run=expected[1]))["embeddings"]
    assert embedding["tensorShape"] == [3, 2]
    asked = {"run": expected[1], "name": embedding["tensorName"]}
    vectors = np.frombuffer(ask(address, "plugin/projector/tensor", **asked), np.float32).reshape(3, 2)
    assert (vectors == VECTORS[[1, 2, 0]]).all()
    labels = ask(address, "plugin/projector/metadata", **asked).decode()
    assert labels == "title\treaders\nEmma\t9\nÜnï\t5\na\\tb\t3\n"


def test_links_follow_the_runs(tmp_path: Path) -> None:
    first, second = model_run(tmp_path, 9), model_run(tmp_path, 21)
    began(first, 1_700_000_000)
    began(second, 1_700_003_605)
    (tmp_path / "artifacts" / "Trainer" / "model_run" / "30").mkdir()
    links = link_runs(tmp_path)
    assert [link.resolve() for link in links] == [first, second]
    assert link_runs(tmp_path) == links
    for path in sorted(first.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert link_runs(tmp_path) == links[1:]
    assert [path.name for path in (tmp_path / "tensorboard").iterdir()] == [links[1].name]


def test_where_no_run_has_logs_the_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--work-dir", str(tmp_path / "none")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: --work-dir {tmp_path / 'none'}: no run has trained a model there yet")
    assert str(tmp_path / "none" / "artifacts" / "Trainer" / "model_run") in said
    assert not (tmp_path / "none").exists()


@pytest.mark.integration
def test_a_port_that_is_taken_is_named(work_dir: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    port = address.rsplit(":", 1)[1]
    assert main(["--work-dir", str(work_dir), "--host", "127.0.0.1", "--port", port]) == 2
    assert f"--port {port}" in capsys.readouterr().err
