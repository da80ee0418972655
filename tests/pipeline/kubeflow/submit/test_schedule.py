from collections.abc import Iterator
from pathlib import Path

import pytest

import kubeflow_runner
from tests.pipeline.kubeflow.submit.api_server import API, ApiServer
from tests.pipeline.kubeflow.submit.http_serving import Fault, serving
from tests.pipeline.kubeflow.submit.small_package import write_package


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with serving(ApiServer()) as it:
        yield it


def schedule(server: ApiServer, folder: Path, *flags: str) -> int:
    package = write_package(folder)
    return kubeflow_runner.main(
        ["schedule", f"--host={server.address}", f"--package={package}", "--data=s3://bucket/reviews", *flags]
    )


def test_a_schedule_is_sent_as_the_api_wants_it(server: ApiServer, tmp_path: Path) -> None:
    flags = [
        "--start-time=2030-01-01T00:00:00Z",
        "--end-time=2031-01-01T00:00:00+01:00",
        "--pipeline-root=s3://bucket/root",
    ]
    assert schedule(server, tmp_path, "--cron=0 3 * * 1-5", *flags) == 0
    [request] = server.asked("POST", f"{API}/recurringruns")
    sent = request.json
    assert sent["display_name"] == "readalike"
    assert sent["max_concurrency"] == "1"
    assert sent["no_catchup"] is True
    assert sent["mode"] == "ENABLE"
    assert sent["trigger"] == {
        "cron_schedule": {
            "cron": "0 0 3 * * 1-5",
            "start_time": "2030-01-01T00:00:00+00:00",
            "end_time": "2031-01-01T00:00:00+01:00",
        }
    }
    assert sent["runtime_config"] == {
        "parameters": {"data": "s3://bucket/reviews"},
        "pipeline_root": "s3://bucket/root",
    }
    assert sent["pipeline_version_reference"]["pipeline_version_id"] in server.versions


def test_missed_runs_and_a_schedule_that_waits_can_be_asked_for(server: ApiServer, tmp_path: Path) -> None:
    assert schedule(server, tmp_path, "--cron=@daily", "--catch-up", "--no-enabled", "--schedule-name=backfill") == 0
    [request] = server.asked("POST", f"{API}/recurringruns")
    assert request.json["no_catchup"] is False
    assert request.json["mode"] == "DISABLE"
    assert request.json["display_name"] == "backfill"


def test_a_schedule_of_the_same_name_is_replaced_and_never_runs_beside_the_new_one(
    server: ApiServer, tmp_path: Path
) -> None:
    assert schedule(server, tmp_path, "--cron=@daily") == 0
    assert schedule(server, tmp_path, "--cron=@daily", "--schedule-name=other") == 0
    assert schedule(server, tmp_path, "--cron=@daily", "--experiment=another") == 0
    before = len(server.requests)
    assert schedule(server, tmp_path, "--cron=@weekly") == 0
    crons = {it.recurring_run_id: it.trigger.cron_schedule.cron for it in server.recurring_runs.values()}
    assert sorted(crons.values()) == ["@daily", "@daily", "@weekly"]
    assert {it.status for it in server.recurring_runs.values()} == {"ENABLED"}
    changes = [it for it in server.requests[before:] if "/recurringruns" in it.path and it.method != "GET"]
    assert [f"{it.method} {it.path.rpartition(':')[2]}" if ":" in it.path else it.method for it in changes] == [
        "POST",
        "POST disable",
        "POST enable",
        "DELETE",
    ]
    assert changes[0].json["mode"] == "DISABLE"


def test_a_disabled_schedule_that_replaces_another_stays_disabled(server: ApiServer, tmp_path: Path) -> None:
    assert schedule(server, tmp_path, "--cron=@daily") == 0
    assert schedule(server, tmp_path, "--cron=@daily", "--no-enabled") == 0
    assert [it.status for it in server.recurring_runs.values()] == ["DISABLED"]


@pytest.mark.parametrize(
    ("method", "path", "left", "statuses"),
    [
        ("POST", "/recurringruns", None, ["ENABLED"]),
        ("POST", "/recurringruns/.*:disable", "the old one may still start runs", ["ENABLED", "DISABLED"]),
        ("POST", "/recurringruns/.*:enable", "both disabled", ["DISABLED", "DISABLED"]),
        ("DELETE", "/recurringruns/.*", "the new one is in force", ["DISABLED", "ENABLED"]),
    ],
)
def test_a_replacement_that_stops_half_way_leaves_at_most_one_in_force_and_says_so(
    server: ApiServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    method: str,
    path: str,
    left: str | None,
    statuses: list[str],
) -> None:
    assert schedule(server, tmp_path, "--cron=@daily") == 0
    server.faults.append(Fault(method, API + path, 500, b"{}", times=1))
    assert schedule(server, tmp_path, "--cron=@weekly") == 1
    assert [it.status for it in server.recurring_runs.values()] == statuses
    said = capsys.readouterr().err
    assert left is None or left in said
    assert schedule(server, tmp_path, "--cron=@weekly") == 0
    assert [it.status for it in server.recurring_runs.values()] == ["ENABLED"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--cron=0 25 * * *"], ["--cron = '0 25 * * *': hour 25: must be 0 to 23"]),
        ([], ["--cron: missing"]),
        (["--cron=@daily", "--start-time=tomorrow"], ["--start-time = 'tomorrow'"]),
        (["--cron=@daily", "--start-time=2030-01-01T00:00:00"], ["--start-time", "timezone"]),
        (
            ["--cron=@daily", "--start-time=2030-01-02T00:00:00Z", "--end-time=2030-01-01T00:00:00Z"],
            ["--end-time must be after --start-time"],
        ),
        (["--cron=* *", "--timeout=0"], ["2 fault(s)", "--cron", "--timeout"]),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_before_anything_is_sent(
    server: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], words: list[str]
) -> None:
    assert schedule(server, tmp_path, *flags) == 2
    said = capsys.readouterr().err
    for word in words:
        assert word in said
    assert not server.requests


def test_several_users_schedules_have_the_namespace(tmp_path: Path) -> None:
    with serving(ApiServer(multi_user=True)) as server:
        assert schedule(server, tmp_path, "--cron=@daily", "--namespace=team") == 0
        assert [it.namespace for it in server.recurring_runs.values()] == ["team"]
