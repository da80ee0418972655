import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import kfp_server_api as api
import pytest

import kubeflow_runner
from core.errors import ConfigurationError, GateError, InputError, KubeflowError, ReadalikeError
from core.project import ROOT
from core.terminal_text import PlainConsole
from pipeline.kubeflow.submit.client import KubeflowClient
from pipeline.kubeflow.submit.connection import Connection
from pipeline.kubeflow.submit.waiting import wait_for
from tests.pipeline.kubeflow.submit.api_server import API, ApiServer
from tests.pipeline.kubeflow.submit.http_serving import Fault, Request, serving
from tests.pipeline.kubeflow.submit.small_package import STEPS, write_package
from tests.pipeline.kubeflow.submit.told_runs import WORKFLOW, Told

RUN = "run-1"
STOPPED = {"": "FAILED", "Read": "SUCCEEDED", "Train": "FAILED"}
LOG = """\
I0101 00:00:00.000000       1 launcher_v2.go:94] starting
error: the data differ from the last run's:
  RatingOf5: its share of empty values rose from 0.1 to 0.4
F0101 00:00:09.000000       1 main.go:58] failed to execute component: exit status {code}
time="2030-01-01T00:00:09 UTC" level=info msg="sub-process exited"
Error: exit status 1
"""


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with serving(ApiServer()) as it:
        it.runs[RUN] = api.V2beta1Run(run_id=RUN, display_name="first", state="PENDING")
        yield it


def wait(server: ApiServer, *scenes: dict[str, str], patience: float = 60, terminal: bool = False) -> str:
    """Waits for a run that goes through `scenes`. Returns what was shown."""
    if scenes:
        server.told.scenes = scenes
    console = PlainConsole(file=io.StringIO(), soft_wrap=True, force_terminal=terminal, color_system=None)
    client = KubeflowClient(Connection(host=server.address, timeout=2))
    try:
        wait_for(client, RUN, STEPS, console, poll_seconds=0.01, patience_seconds=patience)
    except ReadalikeError as error:
        error.shown = console.file.getvalue()
        raise
    return console.file.getvalue()


def test_a_line_is_shown_when_a_step_starts_and_when_it_ends(server: ApiServer) -> None:
    shown = wait(
        server,
        {"": "PENDING"},
        {"Read": "RUNNING"},
        {"Read": "RUNNING"},
        {"Read": "SUCCEEDED", "Train": "RUNNING"},
        {"Read": "SUCCEEDED", "Train": "SUCCEEDED", "Push": "SKIPPED", "": "SUCCEEDED"},
    )
    assert shown.splitlines() == [
        "[ 1/3] Read ...",
        "[ 1/3] Read: 12 s",
        "[ 2/3] Train ...",
        "[ 2/3] Train: 12 s",
        "[ 3/3] Push: skipped after 12 s",
    ]


def test_a_terminal_shows_the_running_steps_in_a_moving_line(server: ApiServer) -> None:
    shown = wait(server, {"Read": "RUNNING"}, {"Read": "SUCCEEDED", "": "SUCCEEDED"}, terminal=True)
    assert " Read · 0 s" in shown
    assert "[ 1/3] Read: 12 s" in shown
    assert "Read ..." not in shown


@pytest.mark.parametrize(("code", "error"), [(3, GateError), (2, InputError), (1, KubeflowError), (137, KubeflowError)])
def test_a_step_that_failed_is_told_in_its_own_words_with_its_exit_code(
    server: ApiServer, code: int, error: type[ReadalikeError]
) -> None:
    server.logs[f"{WORKFLOW}-system-container-impl-101"] = LOG.format(code=code)
    with pytest.raises(error) as caught:
        wait(server, {"Read": "RUNNING"}, STOPPED)
    assert type(caught.value) is error
    assert caught.value.exit_code == {3: 3, 2: 2}.get(code, 1)
    assert str(caught.value).splitlines() == [
        "step Train failed: the data differ from the last run's:",
        "  RatingOf5: its share of empty values rose from 0.1 to 0.4",
        f"The run: {server.address}/#/runs/details/{RUN}",
    ]
    assert caught.value.shown.splitlines()[-1] == "[ 2/3] Train: failed after 12 s"


def test_the_last_attempt_of_a_retried_step_says_why(server: ApiServer) -> None:
    server.told = Told([STOPPED], retried=("Train",))
    server.logs[f"{WORKFLOW}-retry-system-container-impl-201"] = LOG.format(code=1)
    server.logs[f"{WORKFLOW}-retry-system-container-impl-301"] = LOG.format(code=3)
    with pytest.raises(GateError, match="RatingOf5"):
        wait(server)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("main: Error (exit code 3)", GateError),
        ("failed to execute component: exit status 3", GateError),
        ("core.errors.GateError: 2 of 7 checks failed", GateError),
        ("core.errors.DataError: no usable row", InputError),
        ("OOMKilled (exit code 137)", KubeflowError),
        ("pod deleted", KubeflowError),
    ],
)
def test_where_the_server_itself_says_why_that_is_told(
    server: ApiServer, message: str, error: type[ReadalikeError]
) -> None:
    server.told = Told([STOPPED], errors={"Train": message})
    with pytest.raises(error) as caught:
        wait(server)
    assert type(caught.value) is error
    assert f"step Train failed: {message}" in str(caught.value)


def test_a_log_without_an_error_of_ours_is_told_by_its_end(server: ApiServer) -> None:
    lines = [f"line {number}" for number in range(100)]
    server.logs[f"{WORKFLOW}-system-container-impl-101"] = "\n".join([*lines, "Killed"])
    with pytest.raises(KubeflowError) as caught:
        wait(server, STOPPED)
    assert "Killed" in str(caught.value)
    assert "line 99" in str(caught.value)
    assert "line 50\n" not in str(caught.value)


def test_where_nobody_says_why_the_step_is_told_and_where_to_look(server: ApiServer) -> None:
    with pytest.raises(KubeflowError, match="step Train failed: the server does not say why; the log in the UI may"):
        wait(server, STOPPED)


def test_a_page_of_the_ui_is_no_log(server: ApiServer) -> None:
    server.faults.append(Fault("GET", "/apis/v1alpha1/.*", 200, b"<html>error: </html>", "text/html"))
    with pytest.raises(KubeflowError, match="step Train failed: the server does not say why"):
        wait(server, STOPPED)


def test_a_step_that_fails_before_its_container_starts_has_failed(server: ApiServer) -> None:
    with pytest.raises(KubeflowError, match="step Train failed") as caught:
        wait(server, {"": "FAILED", "Read": "SUCCEEDED", "Train": "DRIVER_FAILED"})
    assert "[ 2/3] Train: failed after 3 s" in caught.value.shown


def test_a_run_that_fails_before_any_step_is_told_in_the_servers_words(server: ApiServer) -> None:
    server.told = Told([{"": "FAILED"}], run_error="quota exceeded")
    with pytest.raises(KubeflowError, match="the run failed, and the server names no step: quota exceeded"):
        wait(server)


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED"])
def test_a_server_that_tells_nothing_of_steps_can_be_waited_for(server: ApiServer, state: str) -> None:
    server.told = Told([{"": "RUNNING"}, {"": state}], without_steps=True)
    if state == "SUCCEEDED":
        assert wait(server) == ""
    else:
        with pytest.raises(KubeflowError, match="the server names no step"):
            wait(server)


def test_a_run_that_is_cancelled_ends_the_wait(server: ApiServer) -> None:
    with pytest.raises(KubeflowError, match="The run was cancelled") as caught:
        wait(server, {"Read": "RUNNING", "": "CANCELING"}, {"Read": "CANCELED", "": "CANCELED"})
    assert caught.value.exit_code == 1
    assert "[ 1/3] Read: cancelled" in caught.value.shown


def test_a_server_that_is_away_for_a_moment_does_not_end_the_wait(server: ApiServer) -> None:
    server.faults.append(Fault("GET", f"{API}/runs/{RUN}", 429, b"", times=3))
    shown = wait(server, {"": "SUCCEEDED", "Read": "SUCCEEDED"})
    assert shown.splitlines() == ["no answer; asking again", "[ 1/3] Read: 12 s"]


def test_the_patience_begins_anew_with_each_answer(server: ApiServer) -> None:
    class EverySecond(Fault):
        def strikes(self, request: Request) -> bool:
            return len(server.requests) % 2 == 1

    server.faults.append(EverySecond("GET", "", 429, b"", seconds=0.1))
    running = {"Read": "RUNNING"}
    shown = wait(server, *([running] * 5), {"": "SUCCEEDED", "Read": "SUCCEEDED"}, patience=0.3)
    assert "[ 1/3] Read: 12 s" in shown


def test_a_server_that_stays_away_ends_the_wait_and_the_run_goes_on(server: ApiServer) -> None:
    server.faults.append(Fault("GET", f"{API}/runs/{RUN}", 429, b""))
    with pytest.raises(KubeflowError, match="429") as caught:
        wait(server, patience=0.1)
    assert f"The run goes on: {server.address}/#/runs/details/{RUN}" in caught.value.shown


@pytest.mark.parametrize("status", [401, 404])
def test_a_refusal_ends_the_wait_at_once(server: ApiServer, status: int) -> None:
    server.faults.append(Fault("GET", f"{API}/runs/{RUN}", status, b"{}"))
    with pytest.raises(ConfigurationError, match=str(status)):
        wait(server)
    assert len(server.asked("GET", f"{API}/runs/{RUN}")) == 1


@pytest.mark.parametrize(
    ("scene", "exit_code", "out", "err"),
    [
        ({"": "SUCCEEDED", "Read": "SUCCEEDED"}, 0, "Done: ", ""),
        (STOPPED, 3, "Train: failed", "error: step Train failed: the data differ"),
        ({"": "CANCELED"}, 1, "Started", "error: The run was cancelled"),
    ],
)
def test_the_command_ends_with_the_exit_code_of_the_local_runner(
    server: ApiServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    scene: dict[str, str],
    exit_code: int,
    out: str,
    err: str,
) -> None:
    server.told.scenes = [scene]
    server.logs[f"{WORKFLOW}-system-container-impl-101"] = LOG.format(code=3)
    command = ["submit", f"--host={server.address}", f"--package={write_package(tmp_path)}", "--data=/x", "--wait"]
    assert kubeflow_runner.main(command) == exit_code
    said = capsys.readouterr()
    assert out in said.out
    assert err in said.err


@pytest.mark.integration
def test_an_interrupt_ends_the_wait_and_not_the_run(server: ApiServer, tmp_path: Path) -> None:
    server.told.scenes = [{"Read": "RUNNING"}]
    command = ["submit", f"--host={server.address}", f"--package={write_package(tmp_path)}", "--data=/x", "--wait"]
    process = subprocess.Popen(
        [sys.executable, "kubeflow_runner.py", *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")))
    reader.start()
    deadline = time.monotonic() + 60
    while "[ 1/3] Read ...\n" not in lines and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    reader.join()
    assert lines[-1].startswith(f"No longer waiting. The run goes on: {server.address}/#/runs/details/")
    assert "interrupted" in process.stderr.read()
    assert not server.asked("POST", ".*:terminate")
