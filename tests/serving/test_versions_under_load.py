"""A push folder changes while clients ask without pause: no error, no mixed answer, and never half a version."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from registry import push_history
from registry.push_folder import PushFolder
from serving.client import Client
from tests.serving.killed_where_served import JOBS, POINTS
from tests.serving.late_servers import LateServer
from tests.serving.load import clients_asking
from tests.serving.pushes import bring_artifact, push
from tests.serving.servers import KIND, POLL_SECONDS, ROOT, wait_for_version

# Loading takes about a second beside the clients, on two cores; on a busy machine, not eight times that.
LOADED_WITHIN_SECONDS = 8.0
NEW_VERSION_WITHIN_SECONDS = float(POLL_SECONDS[KIND]) + LOADED_WITHIN_SECONDS

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("serving")]


@pytest.fixture(scope="module", autouse=True)
def _tfx() -> None:
    """Loads what a push needs, which takes seconds here and a minute beside clients that never pause."""


def faults(client: Client) -> dict[int, str]:
    """Returns the versions that could not be loaded, and why."""
    return {one.version: one.error for one in client.status() if one.error}


def changes(models: list[int]) -> list[int]:
    """Returns the models in the order in which they took each other's place."""
    return [model for place, model in enumerate(models) if place == 0 or models[place - 1] != model]


def test_a_push_is_served_without_an_error_and_no_answer_is_mixed(
    late_server: LateServer, models: list[Path], signatures: list[Any], tmp_path: Path
) -> None:
    """However long it takes: other tests run beside this one."""
    folder = PushFolder(str(late_server.push_dir))
    with clients_asking(late_server.server, signatures) as load:
        before = load.models[0][-1]
        origin, pushed = folder.served(), push_other(late_server, models, before, tmp_path)
        load.wait_for(1 - before)
    for models_seen in load.models:
        assert changes(models_seen) == [before, 1 - before]
    assert set(load.versions) == {(int(origin), before), (pushed, 1 - before)}


@pytest.mark.exhaustive
def test_a_push_and_a_rollback_are_served_in_time_without_an_error_and_no_answer_is_mixed(
    late_server: LateServer, models: list[Path], signatures: list[Any], tmp_path: Path
) -> None:
    folder = PushFolder(str(late_server.push_dir))
    with clients_asking(late_server.server, signatures) as load:
        before = load.models[0][-1]
        origin, pushed = folder.served(), push_other(late_server, models, before, tmp_path)
        assert load.wait_for(1 - before) < NEW_VERSION_WITHIN_SECONDS
        release = push_history.roll_back(folder, time.time())
        assert load.wait_for(before) < NEW_VERSION_WITHIN_SECONDS
        with late_server.server.connect("http") as client:
            wait_for_version(client, int(release.version))
    for models_seen in load.models:
        assert changes(models_seen) == [before, 1 - before, before]
    assert set(load.versions) == {(int(origin), before), (pushed, 1 - before), (int(release.version), before)}


def push_other(late_server: LateServer, models: list[Path], before: int, folder: Path) -> int:
    """Pushes the model that is not served. Returns its version."""
    bring_artifact(models[1 - before], folder)
    push(late_server.push_dir, folder)
    return int(PushFolder(str(late_server.push_dir)).served())


@pytest.mark.exhaustive
@pytest.mark.parametrize("job", JOBS)
def test_a_change_that_is_killed_never_shows_half_a_version(
    job: str, late_server: LateServer, models: list[Path], signatures: list[Any], tmp_path: Path
) -> None:
    """The clients see the whole version before, and in the end the whole one after."""
    with late_server.server.connect("grpc") as client:
        known_faults = faults(client)
    with clients_asking(late_server.server, signatures) as load:
        before = load.models[0][-1]
        command = [sys.executable, "-m", "tests.serving.killed_where_served", job, late_server.push_dir]
        done = subprocess.run(
            [*command, models[1 - before], tmp_path], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert int(done.stdout) == POINTS
        after = before if job == "prune" else 1 - before
        load.wait_for(after)
        with late_server.server.connect("grpc") as client:
            wait_for_version(client, int(PushFolder(str(late_server.push_dir)).served()))
            assert faults(client).items() <= known_faults.items()
    for models_seen in load.models:
        assert changes(models_seen) == ([before] if job == "prune" else [before, after])
    assert set(dict(load.versions).items()) == set(load.versions), "a version answered as two models"
