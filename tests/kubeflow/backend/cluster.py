"""A cluster that is a folder: it runs compiled pipelines as Kubeflow's backend does, with processes for containers."""

import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.kubeflow.backend.conditions import holds
from tests.kubeflow.backend.documents import Pipeline, Step, read_pipeline, run_parameters
from tests.kubeflow.backend.driver import Installation, Run, fingerprint, provision_outputs, resolve_inputs
from tests.kubeflow.backend.launcher import Container, Secrets
from tests.kubeflow.backend.metadata import Metadata, States
from tests.kubeflow.backend.objects import ObjectStore

PIPELINE_ROOT: Final = "minio://mlpipeline/v2/artifacts"
SUCCEEDED: Final = {"COMPLETE", "CACHED"}
PODS_AT_ONCE: Final = 2
DEFAULT_INSTALLATION: Final = Installation()


class StepResult(NamedTuple):
    """How a step ended: COMPLETE, CACHED, FAILED, CANCELED (its condition did not hold) or OMITTED."""

    state: str
    execution: int = 0
    exit_code: int = 0
    attempts: int = 0
    log: Path = Path("/dev/null")


@dataclass(frozen=True)
class RunResult:
    """A run that has ended."""

    run_id: str
    steps: Mapping[str, StepResult]
    _metadata: Metadata
    _store: ObjectStore

    @property
    def failed(self) -> str | None:
        """The step at which the run ended, if one failed."""
        return next((name for name, step in self.steps.items() if step.state == "FAILED"), None)

    @property
    def exit_code(self) -> int:
        """The failed step's exit code; 0 where none failed."""
        return self.steps[self.failed].exit_code if self.failed else 0

    def states(self, *names: str) -> list[str]:
        """The states of the steps that are named, or of all."""
        return [self.steps[name].state for name in names or self.steps]

    def log(self, name: str) -> str:
        """All that a step's last attempt said."""
        return self.steps[name].log.read_text(errors="replace")

    def message(self) -> str:
        """What the failed step said last: its error message."""
        return self.log(self.failed).rpartition("error: ")[2] if self.failed else ""

    def properties(self, step: str, output: str) -> dict[str, Any]:
        """What is recorded of an artifact that a step put out."""
        return self._metadata.properties(self._metadata.output_artifacts(self.steps[step].execution)[output])

    def artifact(self, step: str, output: str) -> Path:
        """The folder, or the file, of an artifact in the object store."""
        return self._store.path(self.properties(step, output)["uri"])


class Cluster:
    """Everything that outlives a run: objects, metadata, secrets. Pipelines run in it one after the other."""

    def __init__(
        self,
        folder: Path,
        secrets: Secrets,
        installation: Installation = DEFAULT_INSTALLATION,
        forked: Callable[[str], bool] = lambda step: True,
    ):
        """Makes an empty cluster.

        Args:
          folder: where everything is; empty.
          secrets: the values of secrets and configuration maps, by name and key.
          installation: of Kubeflow Pipelines.
          forked: tells of a step whether its pod may be forked from a process that has loaded TFX already. A pod that
            is not starts as it does in a real cluster, and loads it for 10 seconds and more.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._installation = installation
        self._secrets = secrets
        self._forked = forked
        self._store = ObjectStore(folder / "objects")
        self._metadata = Metadata(folder / "metadata.sqlite")

    def run(
        self,
        compiled: Path,
        parameters: Mapping[str, Any],
        *,
        root: str = PIPELINE_ROOT,
        caching: bool | None = None,
    ) -> RunResult:
        """Runs the pipeline in the file `compiled` to its end.

        Args:
          compiled: what the compiler wrote.
          parameters: of the run.
          root: the pipeline root.
          caching: overrides what is compiled, for every step, as the SDK's `enable_caching` does.

        Raises:
          RefusedError: the backend would not take it.
        """
        pipeline = read_pipeline(compiled)
        run = Run(pipeline.name, str(uuid.uuid4()), root, run_parameters(pipeline, parameters))
        if caching is not None:
            for step in pipeline.steps:
                step.task.caching_options.enable_cache = caching
        return RunResult(run.run_id, self._run_steps(pipeline, run), self._metadata, self._store)

    def _run_steps(self, pipeline: Pipeline, run: Run) -> dict[str, StepResult]:
        results: dict[str, StepResult] = {}
        with ThreadPoolExecutor(PODS_AT_ONCE) as nodes:
            while ready := _ready(pipeline, results):
                begun = {step.name: self._begin(step, run) for step in ready}
                pods = {name: pod for name, pod in begun.items() if isinstance(pod, Pod)}
                ended = dict(zip(pods, nodes.map(Pod.run, pods.values()), strict=True))
                for name, pod in begun.items():
                    results[name] = self._end(pod, ended[name], run) if isinstance(pod, Pod) else pod
                    run.executions[name] = results[name].execution
        return {step.name: results.get(step.name, StepResult("OMITTED")) for step in pipeline.steps}

    def _begin(self, step: Step, run: Run) -> "Pod | StepResult":
        """Does what the driver does. Returns the pod that is to run, or how the step ends without one."""
        file_system = self.folder / "pods" / run.run_id / step.name
        container = Container(step, file_system, self._store, self._secrets, forked=self._forked(step.name))
        executor_input = resolve_inputs(step, run, self._metadata)
        if not holds(step.task.trigger_policy.condition, executor_input):
            return StepResult("CANCELED")
        executor_input.outputs.CopyFrom(provision_outputs(step, run, self._installation, file_system))
        key = fingerprint(step, executor_input) if step.task.caching_options.enable_cache else ""
        cached = self._metadata.cached(run.pipeline, key) if key else None
        execution = self._metadata.begin(run.pipeline, run.run_id, step.name, executor_input.inputs, key)
        if cached is None:
            return Pod(step, container, executor_input, execution, self.folder / "logs" / run.run_id)
        parameters, artifacts = self._metadata.output_parameters(cached), self._metadata.output_artifacts(cached)
        self._metadata.end(execution, States.CACHED, parameters, artifacts)
        return StepResult("CACHED", execution)

    def _end(self, pod: "Pod", result: StepResult, run: Run) -> StepResult:
        """Does what the launcher does when the command has ended."""
        parameters: dict[str, Any] = {}
        artifacts: dict[str, int] = {}
        if result.exit_code == 0:
            parameters, artifacts = pod.container.collect(pod.executor_input, self._metadata, run.folder)
        elif self._installation.keeps_logs_of_failures:
            artifacts = pod.container.collect_log(pod.executor_input, self._metadata, run.folder)
        self._metadata.end(pod.execution, States.Value(result.state), parameters, artifacts)
        return result


@dataclass(frozen=True)
class Pod:
    """The container of a step of a run, about to run."""

    step: Step
    container: Container
    executor_input: Any
    execution: int
    logs: Path

    def run(self) -> StepResult:
        """Runs the container, as often as the step is to be tried. Several pods may run at once."""
        for attempt in range(1 + self.step.task.retry_policy.max_retry_count):
            log = self.logs / f"{self.step.name}-{attempt}.log"
            exit_code = self.container.run(self.executor_input, log)
            self.container.end_log(self.executor_input, log)
            if exit_code == 0:
                break
        return StepResult("FAILED" if exit_code else "COMPLETE", self.execution, exit_code, attempt + 1, log)


def _ready(pipeline: Pipeline, results: Mapping[str, StepResult]) -> list[Step]:
    """Returns the steps that may begin; none, if one has failed."""
    if any(result.state == "FAILED" for result in results.values()):
        return []
    done = {name for name, result in results.items() if result.state in SUCCEEDED}
    return [step for step in pipeline.steps if step.name not in results and set(step.task.dependent_tasks) <= done]
