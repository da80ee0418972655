"""A cluster that is a folder: it runs compiled pipelines as Kubeflow's backend does, with processes for containers."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.kubeflow.backend.conditions import holds
from tests.kubeflow.backend.documents import Pipeline, Step, read_pipeline, run_parameters
from tests.kubeflow.backend.driver import Run, fingerprint, provision_outputs, resolve_inputs
from tests.kubeflow.backend.launcher import Container, Secrets
from tests.kubeflow.backend.metadata import Metadata, States
from tests.kubeflow.backend.objects import ObjectStore

PIPELINE_ROOT: Final = "minio://mlpipeline/v2/artifacts"
SUCCEEDED: Final = {"COMPLETE", "CACHED"}


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

    def __init__(self, folder: Path, secrets: Secrets):
        """Takes an empty folder, and the values of secrets and configuration maps, by name and key."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._secrets = secrets
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
        for step in pipeline.steps:
            if any(results[name].state not in SUCCEEDED for name in step.task.dependent_tasks) or any(
                result.state == "FAILED" for result in results.values()
            ):
                results[step.name] = StepResult("OMITTED")
            else:
                results[step.name] = self._run_step(step, run)
                run.executions[step.name] = results[step.name].execution
        return results

    def _run_step(self, step: Step, run: Run) -> StepResult:
        container = Container(step, self.folder / "pods" / run.run_id / step.name, self._store, self._secrets)
        executor_input = resolve_inputs(step, run, self._metadata)
        if not holds(step.task.trigger_policy.condition, executor_input):
            return StepResult("CANCELED")
        executor_input.outputs.CopyFrom(provision_outputs(step, run, container.scratch))
        key = fingerprint(step, executor_input) if step.task.caching_options.enable_cache else ""
        cached = self._metadata.cached(run.pipeline, key) if key else None
        execution = self._metadata.begin(run.pipeline, run.run_id, step.name, executor_input.inputs, key)
        if cached is not None:
            self._metadata.end(
                execution,
                States.CACHED,
                self._metadata.output_parameters(cached),
                self._metadata.output_artifacts(cached),
            )
            return StepResult("CACHED", execution)
        for attempt in range(1 + step.task.retry_policy.max_retry_count):
            log = self.folder / "logs" / run.run_id / f"{step.name}-{attempt}.log"
            exit_code = container.run(executor_input, log)
            if exit_code == 0:
                parameters, artifacts = container.collect(executor_input, self._metadata, run.folder)
                self._metadata.end(execution, States.COMPLETE, parameters, artifacts)
                return StepResult("COMPLETE", execution, 0, attempt + 1, log)
        self._metadata.end(execution, States.FAILED, {}, {})
        return StepResult("FAILED", execution, exit_code, attempt + 1, log)
