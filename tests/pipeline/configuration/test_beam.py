import pytest

from core.errors import ConfigurationError
from pipeline.configuration.beam import says
from pipeline.configuration.config import PipelineConfig, read_config


def arguments(*flags: str) -> list[str]:
    return read_config(["--data=x", *flags]).beam_pipeline_args


def test_by_default_the_steps_run_in_this_process() -> None:
    assert arguments()[:3] == ["--runner=FnApiRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1"]


def test_several_workers_are_processes_of_this_machine() -> None:
    assert arguments("--beam-workers=3")[1:3] == ["--direct_running_mode=multi_processing", "--direct_num_workers=3"]


def test_flink_is_a_mini_cluster_whose_work_comes_back_to_this_process() -> None:
    said = arguments("--beam-runner=FlinkRunner", "--beam-workers=2")
    assert {"--flink_master=[local]", "--environment_type=LOOPBACK", "--parallelism=2"} <= set(said)
    assert not [argument for argument in said if argument.startswith("--direct_")]


def test_a_flink_cluster_has_worker_pools() -> None:
    said = arguments("--beam-runner=FlinkRunner", "--flink-master=flink:8081")
    assert {
        "--flink_master=flink:8081",
        "--environment_type=EXTERNAL",
        "--environment_config=localhost:50000",
    } <= set(said)
    assert not says(said, "--parallelism")


def test_another_environment_for_workers_replaces_ours_as_a_whole() -> None:
    own = "--environment_type=DOCKER --environment_config=registry.example/readalike:1"
    said = arguments("--beam-runner=FlinkRunner", "--flink-master=flink:8081", f"--beam-args={own}")
    assert [argument for argument in said if argument.startswith("--environment")] == own.split()
    assert not says(said, "--sdk_container_image")


def test_other_runners_get_what_the_user_says_and_nothing_else() -> None:
    assert arguments("--beam-runner=DataflowRunner", "--beam-args=--project=p --region='a b'") == [
        "--runner=DataflowRunner",
        "--project=p",
        "--region=a b",
    ]


def test_workers_on_this_machine_get_no_package_of_tfx(monkeypatch: pytest.MonkeyPatch) -> None:
    """TFX's own function says what it would add to the arguments."""
    from tfx.utils import dependency_utils

    monkeypatch.setattr(dependency_utils, "build_ephemeral_package", lambda: "packed")
    for flags in ((), ("--beam-workers=2",), ("--beam-runner=FlinkRunner",)):
        said = arguments(*flags)
        assert dependency_utils.make_beam_dependency_flags(said) == said
    elsewhere = arguments("--beam-runner=SparkRunner")
    assert dependency_utils.make_beam_dependency_flags(elsewhere) == [*elsewhere, "--extra_package=packed"]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--flink-master=flink:8081"], "--flink-master.*for --beam-runner FlinkRunner only, and that is FnApiRunner"),
        (["--flink-job-server-jar=x.jar"], "--flink-job-server-jar.*for --beam-runner FlinkRunner only"),
        (["--beam-runner=FlinkRunner", "--flink-master=flink"], "--flink-master = 'flink'"),
        (["--beam-runner=FlinkRunner", "--beam-args=--direct_num_workers=2"], "--direct_num_workers=2 is for FnApi"),
        (["--beam-runner=FlinkRunner", "--beam-args=--flink_master=h:1"], "the cluster is named by --flink-master"),
        (["--beam-runner=SparkRunner", "--beam-workers=2"], "SparkRunner is told its number of workers by a flag of"),
        (["--beam-workers=0"], "--beam-workers = '0'"),
    ],
)
def test_what_does_not_go_with_the_runner_is_a_fault(flags: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        read_config(["--data=x", *flags])


def test_beam_takes_every_argument_that_is_made() -> None:
    """Beam drops what it does not know without a word."""
    from apache_beam.options.pipeline_options import PipelineOptions

    for values in ({}, {"beam_workers": 2}, {"beam_runner": "FlinkRunner", "beam_workers": 2}):
        made = PipelineConfig(**values).beam_pipeline_args
        known = PipelineOptions(made).get_all_options(drop_default=False)
        for argument in made:
            name, _, value = argument.removeprefix("--").partition("=")
            assert str(known[name]) == value, argument
