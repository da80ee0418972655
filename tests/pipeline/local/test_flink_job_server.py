"""What Flink needs is looked for before any work. Stand-ins for Java and Maven say here what these would."""

import sys
from pathlib import Path

import pytest

from core.errors import ConfigurationError
from pipeline.configuration.config import PipelineConfig
from pipeline.local import flink_job_server, preflight


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def java(folder: Path, version: str = "17.0.15") -> Path:
    return program(folder / "java", f"echo 'openjdk version \"{version}\" 2025-04-15' >&2")


def config(tmp_path: Path, further: str = "", **values: object) -> PipelineConfig:
    jar = tmp_path / "job-server.jar"
    jar.touch()
    return PipelineConfig(beam_runner="FlinkRunner", beam_args=further, **{"flink_job_server_jar": jar, **values})


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search path of one folder, with nothing in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_java_and_a_jar_are_enough(tmp_path: Path, alone: Path) -> None:
    for version in ("17.0.15", "21", "11.0.2"):
        java(alone, version)
        flink_job_server.check(config(tmp_path))


def test_a_machine_without_java_is_told_what_to_install(tmp_path: Path, alone: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no Java \(java\)\. Install a Java runtime 11 or newer"):
        flink_job_server.check(config(tmp_path))


@pytest.mark.parametrize("version", ["1.8.0_402", "10.0.1"])
def test_java_that_is_too_old_is_told_with_its_version(version: str, tmp_path: Path, alone: Path) -> None:
    java(alone, version)
    with pytest.raises(ConfigurationError, match=r"java is Java (8|10), too old\. Install"):
        flink_job_server.check(config(tmp_path))


def test_java_that_does_not_start_is_told_with_what_it_said(tmp_path: Path, alone: Path) -> None:
    program(alone / "java", "echo no memory >&2; exit 1")
    with pytest.raises(ConfigurationError, match=r"does not tell its version \(no memory\)"):
        flink_job_server.check(config(tmp_path))


def test_the_java_that_the_arguments_name_is_the_one_looked_at(tmp_path: Path, alone: Path) -> None:
    named = java(tmp_path / "elsewhere")
    flink_job_server.check(config(tmp_path, f"--job_server_java_launcher={named}"))


def test_a_jar_that_is_not_there_is_named(tmp_path: Path, alone: Path) -> None:
    java(alone)
    with pytest.raises(ConfigurationError, match=r"--flink-job-server-jar .*none\.jar: there is no such file"):
        flink_job_server.check(config(tmp_path, flink_job_server_jar=tmp_path / "none.jar"))


@pytest.mark.integration
def test_a_missing_jar_is_fetched_by_maven_once(tmp_path: Path, alone: Path) -> None:
    java(alone)
    cache, calls = tmp_path / "cache", tmp_path / "calls"
    copy = f'from pathlib import Path\nimport sys\nopen({str(calls)!r}, "a").write("x")\n'
    copy += "given = dict(a[2:].split('=') for a in sys.argv if a.startswith('-D'))\n"
    copy += "_, name, version = given['artifact'].split(':')\n"
    copy += "Path(given['outputDirectory'], f'{name}-{version}.jar').write_text('jar')\n"
    (tmp_path / "copy.py").write_text(copy)
    program(alone / "mvn", f'exec {sys.executable} -I {tmp_path / "copy.py"} "$@"')
    for _ in range(2):
        flink_job_server.check(
            config(tmp_path, f"--jar_cache_dir={cache} --flink_version=1.20", flink_job_server_jar=None)
        )
    [jar] = cache.iterdir()
    assert jar.name.startswith("beam-runners-flink-1.20-job-server-2.")
    assert calls.read_text() == "x"


def test_a_jar_that_cannot_be_fetched_is_told_with_the_way_out(tmp_path: Path, alone: Path) -> None:
    java(alone)
    program(alone / "mvn", "echo '[ERROR] Unable to find artifact.'; exit 1")
    with pytest.raises(ConfigurationError) as caught:
        flink_job_server.check(config(tmp_path, f"--jar_cache_dir={tmp_path / 'cache'}", flink_job_server_jar=None))
    for told in ("beam-runners-flink-", "Unable to find artifact.", "--flink-job-server-jar", str(tmp_path / "cache")):
        assert told in str(caught.value)
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("further", ["--job_endpoint=host:8099", "--job_endpoint host:8099"])
def test_a_job_server_elsewhere_needs_nothing_here(further: str, tmp_path: Path, alone: Path) -> None:
    elsewhere = config(tmp_path, further, flink_job_server_jar=None)
    flink_job_server.check(elsewhere)
    with flink_job_server.job_server(elsewhere) as reached:
        assert reached == elsewhere


def test_a_jar_for_each_step_needs_no_java(tmp_path: Path, alone: Path) -> None:
    flink_job_server.check(config(tmp_path, "--flink_submit_uber_jar", flink_master="flink:8081"))
    with pytest.raises(ConfigurationError, match="--flink-job-server-jar"):
        flink_job_server.check(config(tmp_path, "--flink_submit_uber_jar", flink_job_server_jar=tmp_path / "none.jar"))


def test_arguments_that_beam_does_not_take_are_told(tmp_path: Path, alone: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--beam-args '--flink_version=0\.1': Beam does not take them"):
        flink_job_server.check(config(tmp_path, "--flink_version=0.1"))


def test_preflight_tells_it_with_all_other_faults(tmp_path: Path, alone: Path) -> None:
    faulty = config(tmp_path, data="none.csv", work_dir=tmp_path / "work", push_dir=str(tmp_path / "push"))
    with pytest.raises(ConfigurationError) as caught:
        preflight.check(faulty)
    for told in ("2 faults", "--data none.csv", "there is no Java"):
        assert told in str(caught.value)


def test_other_runners_need_neither(tmp_path: Path, alone: Path) -> None:
    flink_job_server.check(PipelineConfig())
    with flink_job_server.job_server(PipelineConfig()) as reached:
        assert reached == PipelineConfig()


@pytest.mark.exhaustive
def test_one_job_server_serves_a_run_and_ends_with_it(tmp_path: Path, alone: Path) -> None:
    """A program in place of Java, which listens where Beam's job server would, and writes down how it was started."""
    import grpc
    from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

    said = tmp_path / "said"
    (tmp_path / "server.py").write_text(
        "import sys, grpc\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from apache_beam.runners.portability.local_job_service import LocalJobServicer\n"
        "from apache_beam.portability.api import beam_job_api_pb2_grpc as api\n"
        f"open({str(said)!r}, 'w').write(chr(10).join(sys.argv[1:]))\n"
        "server = grpc.server(ThreadPoolExecutor())\n"
        "api.add_JobServiceServicer_to_server(LocalJobServicer(), server)\n"
        "server.add_insecure_port('localhost:' + sys.argv[sys.argv.index('--job-port') + 1])\n"
        "server.start()\n"
        "server.wait_for_termination()\n"
    )
    launcher = program(tmp_path / "launcher", f'exec {sys.executable} {tmp_path / "server.py"} "$@"')
    started = config(tmp_path, f"--job_server_java_launcher={launcher}", flink_master="flink:8081")
    with flink_job_server.job_server(started) as reached:
        endpoint = reached.beam_pipeline_args[-1].removeprefix("--job_endpoint=")
        with grpc.insecure_channel(endpoint) as channel:
            jobs = beam_job_api_pb2_grpc.JobServiceStub(channel).GetJobs(beam_job_api_pb2.GetJobsRequest(), timeout=20)
        assert list(jobs.job_info) == []
    arguments = said.read_text().splitlines()
    assert arguments[arguments.index("--flink-master") + 1] == "http://flink:8081"
    assert "--add-opens=java.base/java.util=ALL-UNNAMED" in arguments[: arguments.index("-jar")]
    assert arguments[arguments.index("-jar") + 1] == str(tmp_path / "job-server.jar")
    with grpc.insecure_channel(endpoint) as channel, pytest.raises(grpc.FutureTimeoutError):
        grpc.channel_ready_future(channel).result(timeout=1)
