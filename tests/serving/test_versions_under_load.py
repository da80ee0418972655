"""A push folder changes while clients ask without pause: no error, no mixed answer, and never half a version."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from serving import push_history
from tests.serving.killed_where_served import JOBS, POINTS
from tests.serving.load import clients_asking
from tests.serving.pushes import bring_artifact, push
from tests.serving.servers import KIND, POLL_SECONDS, ROOT, Server, wait_for_version
from transform.push_folder import PushFolder

# Loading takes about a second beside the clients, on two cores; on a busy machine, not eight times that.
LOADED_WITHIN_SECONDS = 8.0
NEW_VERSION_WITHIN_SECONDS = float(POLL_SECONDS[KIND]) + LOADED_WITHIN_SECONDS


class Watched(NamedTuple):
    """A server that joins requests, and the push folder that it watches."""

    server: Server
    push_dir: Path


@pytest.fixture(scope="module", params=[KIND])
def watched(
    request: pytest.FixtureRequest, models: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    shutil.copytree(models[0], folder / "push" / "7")
    server = Server(request.param, folder / "push", folder / "log", batching=True)
    try:
        server.wait()
        yield Watched(server, folder / "push")
    finally:
        server.stop()


def changes(models: list[int]) -> list[int]:
    """Returns the models in the order in which they took each other's place."""
    return [model for place, model in enumerate(models) if place == 0 or models[place - 1] != model]


def test_a_push_and_a_rollback_are_served_without_an_error_and_no_answer_is_mixed(
    watched: Watched, models: list[Path], signatures: list[Any], tmp_path: Path
) -> None:
    folder = PushFolder(str(watched.push_dir))
    with clients_asking(watched.server, signatures) as load:
        before = load.models[0][-1]
        bring_artifact(models[1 - before], tmp_path)
        origin = folder.served()
        push(watched.push_dir, tmp_path)
        assert load.wait_for(1 - before) < NEW_VERSION_WITHIN_SECONDS
        pushed = folder.served()
        release = push_history.roll_back(folder, time.time())
        assert load.wait_for(before) < NEW_VERSION_WITHIN_SECONDS
        with watched.server.connect("http") as client:
            wait_for_version(client, int(release.version))
    for models_seen in load.models:
        assert changes(models_seen) == [before, 1 - before, before]
    assert set(load.versions) == {(int(origin), before), (int(pushed), 1 - before), (int(release.version), before)}


@pytest.mark.parametrize("job", JOBS)
def test_a_change_that_is_killed_never_shows_half_a_version(
    job: str, watched: Watched, models: list[Path], signatures: list[Any], tmp_path: Path
) -> None:
    """The clients see the whole version before, and in the end the whole one after."""
    with clients_asking(watched.server, signatures) as load:
        before = load.models[0][-1]
        command = [sys.executable, "-m", "tests.serving.killed_where_served", job, watched.push_dir]
        done = subprocess.run(
            [*command, models[1 - before], tmp_path], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert int(done.stdout) == POINTS
        after = before if job == "prune" else 1 - before
        load.wait_for(after)
        with watched.server.connect("grpc") as client:
            wait_for_version(client, int(PushFolder(str(watched.push_dir)).served()))
            assert not any(one.error for one in client.status())
    for models_seen in load.models:
        assert changes(models_seen) == ([before] if job == "prune" else [before, after])
    assert set(dict(load.versions).items()) == set(load.versions), "a version answered as two models"
