"""The cluster of the tests does with steps what Kubeflow's driver, launcher and cache do."""

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from tests.kubeflow.backend.cluster import PIPELINE_ROOT, Cluster
from tests.kubeflow.backend.conditions import holds
from tests.kubeflow.backend.documents import RefusedError
from tests.kubeflow.backend.driver import Installation
from tests.kubeflow.specifications import TEXT, specification, step, write

CACHED = {"cachingOptions": {"enableCache": True}}

WRITER = step(
    "folder = place('outputs', 'examples'); folder.mkdir()\n"
    "(folder / 'empty').mkdir(); (folder / 'part').write_text(parameters['text'])\n"
    "tell(artifact(metadata={'rows': 3, 'good': True, 'splits': ['a', 'b'], 'name': 'x'}))",
    inputs={"text": "text"},
    outputs=("examples",),
    **CACHED,
)
READER = step(
    "folder = place('inputs', 'examples')\n"
    "print(sorted(path.name for path in folder.rglob('*')), (folder / 'part').read_text())\n"
    "print(json.dumps(given['inputs']['artifacts']['examples']['artifacts'][0], sort_keys=True))",
    artifacts={"examples": ("writer", "examples")},
    **CACHED,
)
BOTH = specification({"reader": READER, "writer": WRITER}, text=TEXT)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path / "cluster", {"store": {"password": "a-secret-value"}})


@pytest.mark.integration
@pytest.mark.parametrize("root", [PIPELINE_ROOT, "s3://bucket/x", "gs://bucket"])
def test_an_artifact_goes_through_the_store_and_loses_its_type_on_the_way(
    cluster: Cluster, tmp_path: Path, root: str
) -> None:
    done = cluster.run(write(tmp_path / "p.yaml", BOTH), {"text": "hello"}, root=root)
    if root.startswith("gs"):
        assert done.failed == "writer"  # Its line of Python knows no `/gcs`.
        return
    listed, artifact = done.log("reader").splitlines()
    assert listed == "['part'] hello"
    assert f'"uri": "{root}/small/{done.run_id}/writer/' in artifact
    assert '"type": {"instanceSchema": ""}' in artifact
    assert '"good": 1.0' in artifact
    assert '"splits": {"list": ["a", "b"]}' in artifact
    properties = done.properties("writer", "examples")
    assert properties["type"] == "tfx.Examples"
    assert (properties["rows"], properties["name"], properties["display_name"]) == (3, "x", "examples")


@pytest.mark.integration
@pytest.mark.parametrize(
    ("release", "told_in"),
    [((2, 5), "/tmp/kfp_outputs"), ((2, 14), "/tmp/kfp_outputs"), ((2, 16), "/minio/mlpipeline/v2/artifacts/small/")],
)
@pytest.mark.parametrize("published", [True, False])
def test_the_driver_adds_a_log_and_the_launcher_uploads_it(
    tmp_path: Path, release: tuple[int, int], told_in: str, published: bool
) -> None:
    cluster = Cluster(tmp_path / "cluster", {}, Installation(release, publish_logs=published))
    shown = step(
        "assert 'executor-logs' not in given['outputs']['artifacts'] or place('outputs', 'executor-logs').is_file()\n"
        "place('outputs', 'examples').mkdir(); (place('outputs', 'examples') / 'part').touch(); tell({})\n"
        "pathlib.Path(given['outputs']['parameters']['answer']['outputFile']).touch()\n"
        "print('an error', file=sys.stderr); print(json.dumps(given['outputs'], sort_keys=True))",
        outputs=("examples",),
        output_parameters=("answer",),
    )
    done = cluster.run(write(tmp_path / "p.yaml", specification({"shown": shown})), {})
    outputs = json.loads(done.log("shown").splitlines()[-1])
    assert told_in in outputs["outputFile"]
    assert outputs["outputFile"].endswith("/output_metadata.json")
    assert outputs["parameters"]["answer"]["outputFile"].endswith("/tmp/kfp/outputs/answer")
    assert set(outputs["artifacts"]) == {"examples", *(["executor-logs"] if published else [])}
    names = {artifacts["artifacts"][0].get("name") for artifacts in outputs["artifacts"].values()}
    assert names == (set(outputs["artifacts"]) if release == (2, 16) else {None})
    if published:
        [log] = outputs["artifacts"]["executor-logs"]["artifacts"]
        assert log["type"] == {"schemaTitle": "system.Artifact"}
        assert (
            log["uri"].rpartition("/")[0] == outputs["artifacts"]["examples"]["artifacts"][0]["uri"].rpartition("/")[0]
        )
        assert done.properties("shown", "executor-logs")["type"] == "system.Artifact"
        assert done.artifact("shown", "executor-logs").read_text() == done.log("shown")
        assert "an error" in done.log("shown")
    else:
        assert not list((cluster.folder / "objects").rglob("executor-logs"))


@pytest.mark.integration
@pytest.mark.parametrize(("release", "kept"), [((2, 5), False), ((2, 14), False), ((2, 16), True)])
def test_the_log_of_a_step_that_failed_is_uploaded_by_newer_launchers(
    tmp_path: Path, release: tuple[int, int], kept: bool
) -> None:
    cluster = Cluster(tmp_path / "cluster", {}, Installation(release))
    failing = step("place('outputs', 'examples').mkdir(); sys.exit('error: no luck')", outputs=("examples",))
    done = cluster.run(write(tmp_path / "p.yaml", specification({"failing": failing})), {})
    assert done.message() == "no luck\n"
    logs = list((cluster.folder / "objects").rglob("executor-logs"))
    assert [log.read_text() for log in logs] == (["error: no luck\n"] if kept else [])


@pytest.mark.integration
def test_each_container_sees_its_inputs_only(cluster: Cluster, tmp_path: Path) -> None:
    nosy = step(
        "print(list(pathlib.Path(os.environ['READALIKE_LAUNCHER_ROOT']).rglob('part')))", dependentTasks=["writer"]
    )
    done = cluster.run(
        write(tmp_path / "p.yaml", specification({"nosy": nosy, "writer": WRITER}, text=TEXT)), {"text": "x"}
    )
    assert done.log("nosy") == "[]\n"


@pytest.mark.integration
def test_an_unchanged_step_is_answered_from_the_cache(cluster: Cluster, tmp_path: Path) -> None:
    compiled = write(tmp_path / "p.yaml", BOTH)
    first = cluster.run(compiled, {"text": "x"})
    again = cluster.run(compiled, {"text": "x"})
    assert first.states("writer", "reader") == ["COMPLETE", "COMPLETE"]
    assert again.states("writer", "reader") == ["CACHED", "CACHED"]
    assert again.properties("writer", "examples") == first.properties("writer", "examples")
    assert cluster.run(compiled, {"text": "y"}).states("writer", "reader") == ["COMPLETE", "COMPLETE"]
    assert cluster.run(compiled, {"text": "x"}, caching=False).states() == ["COMPLETE", "COMPLETE"]


@pytest.mark.integration
def test_another_image_or_command_is_not_answered_from_the_cache(cluster: Cluster, tmp_path: Path) -> None:
    cluster.run(write(tmp_path / "p.yaml", BOTH), {"text": "x"})
    container = {**WRITER["container"], "image": "registry.example/steps:2"}
    changed = specification({"reader": READER, "writer": {**WRITER, "container": container}}, text=TEXT)
    assert cluster.run(write(tmp_path / "q.yaml", changed), {"text": "x"}).states("writer") == ["COMPLETE"]


@pytest.mark.integration
def test_a_step_that_did_not_allow_it_is_not_cached_and_what_follows_gets_its_new_output(
    cluster: Cluster, tmp_path: Path
) -> None:
    writer = {**WRITER, "task": {**WRITER["task"], "cachingOptions": {}}}
    compiled = write(tmp_path / "p.yaml", specification({"reader": READER, "writer": writer}, text=TEXT))
    cluster.run(compiled, {"text": "x"})
    assert cluster.run(compiled, {"text": "x"}).states("writer", "reader") == ["COMPLETE", "COMPLETE"]


@pytest.mark.integration
def test_a_failed_step_is_no_answer_and_ends_the_run(cluster: Cluster, tmp_path: Path) -> None:
    failing = step("sys.exit('error: no luck') if parameters['x'] else sys.exit(3)", inputs={"x": "x"}, **CACHED)
    late = step("", dependentTasks=["failing"])
    compiled = write(tmp_path / "p.yaml", specification({"failing": failing, "late": late}, x=TEXT))
    for _ in range(2):
        done = cluster.run(compiled, {"x": ""})
        assert done.states("failing", "late") == ["FAILED", "OMITTED"]
        assert (done.failed, done.exit_code) == ("failing", 3)
    assert cluster.run(compiled, {"x": "y"}).message() == "no luck\n"


@pytest.mark.integration
def test_steps_that_do_not_wait_for_each_other_run_at_once(cluster: Cluster, tmp_path: Path) -> None:
    """Each waits for a file that the other one makes."""
    meet = (
        f"import time; folder = pathlib.Path({str(tmp_path)!r}); (folder / parameters['own']).touch()\n"
        "end = time.time() + 20\n"
        "while not (folder / parameters['other']).exists(): assert time.time() < end; time.sleep(0.01)"
    )
    pair = {"a": step(meet, inputs={"own": "=a", "other": "=b"}), "b": step(meet, inputs={"own": "=b", "other": "=a"})}
    done = cluster.run(write(tmp_path / "p.yaml", specification(pair)), {})
    assert done.states() == ["COMPLETE", "COMPLETE"]


@pytest.mark.integration
def test_a_step_is_tried_as_often_as_it_says_and_starts_with_a_clean_file_system(
    cluster: Cluster, tmp_path: Path
) -> None:
    counter = tmp_path / "count"
    flaky = step(
        f"count = pathlib.Path({str(counter)!r}); count.open('a').write('x')\n"
        "assert not pathlib.Path(given['outputs']['outputFile']).exists(); tell({})\n"
        "sys.exit(1 if len(count.read_text()) < 3 else 0)",
        retryPolicy={"maxRetryCount": 2, "backoffDuration": "1s"},
    )
    done = cluster.run(write(tmp_path / "p.yaml", specification({"flaky": flaky})), {})
    assert (done.steps["flaky"].state, done.steps["flaky"].attempts) == ("COMPLETE", 3)
    counter.write_text("")
    flaky["task"]["retryPolicy"] = {"maxRetryCount": 1}
    done = cluster.run(write(tmp_path / "p.yaml", specification({"flaky": flaky})), {})
    assert (done.steps["flaky"].state, done.steps["flaky"].attempts) == ("FAILED", 2)


@pytest.mark.integration
def test_parameters_go_from_step_to_step_by_file_and_by_message(cluster: Cluster, tmp_path: Path) -> None:
    teller = step(
        "pathlib.Path(given['outputs']['parameters']['by_file']['outputFile']).write_text('7')\n"
        "tell({'parameterValues': {'by_message': 'eight'}})",
        output_parameters=("by_file", "by_message"),
    )
    sources = {"a": "teller.by_file", "b": "teller.by_message", "c": "=nine", "d": "={{$.pipeline_job_uuid}}"}
    listener = step("print(json.dumps(parameters, sort_keys=True))", inputs=sources)
    done = cluster.run(write(tmp_path / "p.yaml", specification({"listener": listener, "teller": teller})), {})
    assert done.log("listener") == f'{{"a": "7", "b": "eight", "c": "nine", "d": "{done.run_id}"}}\n'


@pytest.mark.integration
def test_a_step_whose_condition_does_not_hold_is_left_out_with_what_follows(cluster: Cluster, tmp_path: Path) -> None:
    guarded = step(
        "", inputs={"x": "x"}, triggerPolicy={"condition": "inputs.parameter_values['x'] == 'yes' && !(1 > 2)"}
    )
    late = step("", dependentTasks=["guarded"])
    compiled = write(tmp_path / "p.yaml", specification({"guarded": guarded, "late": late}, x=TEXT))
    assert cluster.run(compiled, {"x": "yes"}).states("guarded", "late") == ["COMPLETE", "COMPLETE"]
    assert cluster.run(compiled, {"x": "no"}).states("guarded", "late") == ["CANCELED", "OMITTED"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("", True),
        ("inputs.artifacts['blessing'].artifacts[0].metadata['blessed'] == 1.0", True),
        ("inputs.artifacts['blessing'].artifacts[0].metadata['blessed'] != 1.0", False),
        ("int(inputs.parameter_values['n']) >= 3 || false", True),
        ("!(inputs.parameter_values['n'] == '3')", False),
    ],
)
def test_conditions_are_those_of_tfx_and_the_sdk(condition: str, expected: bool) -> None:
    given = {
        "inputs": {
            "parameterValues": {"n": "3"},
            "artifacts": {"blessing": {"artifacts": [{"uri": "minio://b/x", "metadata": {"blessed": 1.0}}]}},
        }
    }
    assert holds(condition, json_format.ParseDict(given, pipeline_spec_pb2.ExecutorInput())) is expected


@pytest.mark.integration
def test_the_environment_is_the_images_the_containers_and_the_secrets_and_no_more(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROM_THE_TESTS_OWN_ENVIRONMENT", "1")
    show = step("print(json.dumps(dict(os.environ)))")
    show["container"]["env"] = [{"name": "COMPILED", "value": "c"}]
    secret = {"secretName": "store", "keyToEnv": [{"secretKey": "password", "envVar": "PASSWORD"}]}
    done = cluster.run(
        write(tmp_path / "p.yaml", specification({"show": show}), with_settings(secretAsEnv=[secret])), {}
    )
    found: dict[str, str] = json.loads(done.log("show"))
    assert found.items() >= {"COMPILED": "c", "PASSWORD": "a-secret-value", "TF_USE_LEGACY_KERAS": "1"}.items()
    image = {"PATH", "PYTHONPATH", "READALIKE_REVISION", "TF_USE_LEGACY_KERAS"}
    assert set(found) - image - {"LC_CTYPE"} == {"COMPILED", "PASSWORD", "HOME", "TMPDIR", "READALIKE_LAUNCHER_ROOT"}


def test_a_pod_does_not_start_without_its_secret(cluster: Cluster, tmp_path: Path) -> None:
    secret = {"secretName": "store", "keyToEnv": [{"secretKey": "user", "envVar": "USER"}]}
    compiled = write(tmp_path / "p.yaml", specification({"show": step("")}), with_settings(secretAsEnv=[secret]))
    with pytest.raises(RefusedError, match="no key 'user' in 'store'"):
        cluster.run(compiled, {})


def with_settings(**settings: Any) -> dict[str, Any]:
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"run-show": settings}}}}}


@pytest.mark.integration
@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        ("metadata={'nothing': None}", "nothing: unknown/unsupported value type null_value"),
        ("uri='minio://mlpipeline/elsewhere'", "failed to upload output artifact 'examples'"),
    ],
)
def test_what_a_step_may_not_say_of_its_output_is_refused(
    cluster: Cluster, tmp_path: Path, told: str, refusal: str
) -> None:
    writer = step(f"tell(artifact({told}))", outputs=("examples",))
    with pytest.raises(RefusedError) as refused:
        cluster.run(write(tmp_path / "p.yaml", specification({"writer": writer})), {})
    assert refusal in str(refused.value)


@pytest.mark.integration
def test_an_output_that_is_no_address_of_a_store_is_not_uploaded(cluster: Cluster, tmp_path: Path) -> None:
    """As the launcher does: this is what becomes of an executor that leaves local paths in its message."""
    writer = step(
        "folder = place('outputs', 'examples'); folder.mkdir(); (folder / 'part').write_text('x')\n"
        "tell(artifact(uri=str(folder)))",
        outputs=("examples",),
    )
    cluster.run(write(tmp_path / "p.yaml", specification({"writer": writer})), {})
    assert not list((cluster.folder / "objects").rglob("part"))
