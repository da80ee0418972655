"""Writes the report of a local run, finished or not.

A finished run keeps the page of RunReport, with the times of the last steps added. A run that is stopped never reaches
RunReport, so the same page is made from the outputs of its steps so far. A run that is refused before its first step
gets a page with the faults, without loading TFX.
"""

import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.errors import GateError, own_error
from pipeline.configuration.config import PipelineConfig
from pipeline.local.step_record import RUNS, STEPS_FILE, recorded_steps
from registry.push_folder import timestamp
from report.description import RunDescription
from report.facts.run import Outcome, RunFacts
from storage import locations
from storage.plain_paths import plain_path

if TYPE_CHECKING:
    from report.collection import Locations

REPORTS: Final = "reports"


class LocalReport:
    """Files of one run: `<work dir>/runs/<run id>/steps.json` and `<work dir>/reports/<run id>/`."""

    def __init__(self, config: PipelineConfig, run_id: str, pseudonym_key_id: str | None = None):
        """Sets up the report before the run.

        Args:
          config: the configuration.
          run_id: name of the run.
          pseudonym_key_id: id of the pseudonym key. None: no key was read yet.
        """
        work_dir = config.work_dir.resolve()
        self.folder = work_dir / REPORTS / run_id
        self.page: Path | None = None
        self.pipeline_root = work_dir / "artifacts"
        self.baseline_dir = work_dir / "baseline"
        self._since = time.time()
        self._steps_file = work_dir / RUNS / run_id / STEPS_FILE
        self.description = RunDescription(
            pipeline=config.pipeline_name,
            runner="local",
            run_id=run_id,
            started=timestamp(self._since),
            configuration=config.recorded() | {"data": config.data_location, "push_dir": config.push_location},
            steps_file=str(self._steps_file),
            pseudonym_key_id=pseudonym_key_id,
        )
        self._connection: Any = None
        self._failed_step: str | None = None

    @contextmanager
    def plain_artifacts(self) -> Iterator[None]:
        """Sets `pipeline_root` to a path without glob characters until the block ends.

        Afterwards ML Metadata has the real paths of the artifacts.
        """
        own = self.pipeline_root
        with plain_path(own.parent) as work_dir:
            self.pipeline_root = work_dir / own.name
            try:
                yield
            finally:
                self._move_artifacts(own)

    @contextmanager
    def recording(self, steps: Sequence[str], connection: Any) -> Iterator[None]:
        """Records `steps` while they run, the failed step, and the connection to their metadata."""
        self._connection = connection
        with recorded_steps(steps, self._steps_file) as record:
            try:
                yield
            finally:
                self._failed_step = record.running

    def keep(self) -> Path | None:
        """Writes the page of a finished run, and returns its path; None if it cannot be written."""
        return self._without_failing(self._keep)

    def leave(self, error: BaseException, told: str) -> Path | None:
        """Writes the page of a run that `error` stopped, unless it exists. Returns its path, or None as `keep`.

        Args:
          error: the cause.
          told: the error message shown to the user. It must contain no user name.
        """
        return self.page or self._without_failing(lambda: self._leave(error, told))

    def pushed_version(self) -> str | None:
        """Returns the version that this run pushed; None if there is none or it is unknown."""
        from report.run_report import read_push

        try:
            pushed = self._artifacts().get(("Pusher", "pushed_model"))
            return read_push(pushed).version if pushed else None
        except Exception:  # A failure here must not hide the error that stopped the run.
            traceback.print_exc(file=sys.__stderr__)
            return None

    def refuse(self, told: str) -> Path:
        """Writes the page of a run that is refused before its first step, and returns its path.

        Args:
          told: the error message shown to the user. It must contain no user name.

        Raises:
          OSError: the work folder cannot be written.
        """
        from report.page.files import write_report

        facts = RunFacts(
            run_id=self.description.run_id,
            pipeline=self.description.pipeline,
            runner=self.description.runner,
            outcome="failed",
            started=self.description.started,
            finished=self.description.started,
            seconds=None,
            error=told,
            lineage=self.description.lineage(),
        )
        return Path(write_report(facts, str(self.folder)))

    def _keep(self) -> Path:
        from report.card.card_files import copy_card
        from report.page.files import read_facts, write_report
        from report.step_files import read_steps

        written = self._artifacts()["RunReport", "report"].uri
        now = time.time()
        facts = read_facts(written).model_copy(
            update={
                "finished": timestamp(now),
                "seconds": now - self._since,
                "steps": read_steps(str(self._steps_file)),
            }
        )
        copy_card(written, str(self.folder))
        return Path(write_report(facts, str(self.folder)))

    def _leave(self, error: BaseException, told: str) -> Path:
        from report.collection import collect
        from report.page.files import write_report
        from report.run_report import read_push

        artifacts = self._artifacts()
        pushed = artifacts.get(("Pusher", "pushed_model"))
        facts = collect(
            self.description,
            _locations(artifacts, self.baseline_dir),
            outcome=_outcome(error),
            pushed=read_push(pushed) if pushed else None,
            failed_step=self._failed_step,
            error=told,
            with_readers=not isinstance(error, KeyboardInterrupt),
        )
        return Path(write_report(facts, str(self.folder)))

    def _artifacts(self) -> Mapping[tuple[str, str], Any]:
        if self._connection is None:
            return {}
        from pipeline.local.run_artifacts import artifacts_of_run

        pipeline = self.description.pipeline
        return artifacts_of_run(self._connection, pipeline, str(self.pipeline_root), self._since)

    def _move_artifacts(self, own: Path) -> None:
        """Sets `pipeline_root` to `own`, also in ML Metadata. Exceptions only go to the log."""
        passing, self.pipeline_root = self.pipeline_root, own
        if passing == own or self._connection is None:
            return
        from pipeline.local.run_artifacts import move_artifacts

        try:
            move_artifacts(self._connection, str(passing), str(own))
        except Exception:
            traceback.print_exc(file=sys.__stderr__)

    def _without_failing(self, write: Callable[[], Path]) -> Path | None:
        """Calls `write` and returns the page. Exceptions only go to the log, because a report must not fail a run."""
        try:
            self.page = write()
        except Exception:
            traceback.print_exc(file=sys.__stderr__)
        return self.page


def _locations(artifacts: Mapping[tuple[str, str], Any], baseline_dir: Path) -> "Locations":
    from components.ingestion.data_gate import baseline_path, statistics_path
    from report.collection import Locations
    from transform import features

    uris = {key: artifact.uri for key, artifact in artifacts.items()}
    compared_with = uris.get(("DataGate", "compared_with"))
    if compared_with:
        baseline = statistics_path(compared_with, features.REVIEWS_SPLIT)
    else:  # DataGate has not run yet, or has refused the data, so the baseline is unchanged.
        baseline = baseline_path(str(baseline_dir), features.REVIEWS_SPLIT)
    return Locations(
        reviews=uris.get(("RatingsExampleGen", "examples")),
        statistics=uris.get(("StatisticsGen", "statistics")),
        contract=uris.get(("Contract", "schema")),
        anomalies=uris.get(("ExampleValidator", "anomalies")),
        baseline=baseline if locations.exists(baseline) else None,
        splits=uris.get(("InteractionSplitter", "examples")),
        transform_graph=uris.get(("Transform", "transform_graph")),
        model=uris.get(("Trainer", "model")),
        model_run=uris.get(("Trainer", "model_run")),
        evaluation=uris.get(("RetrievalEvaluator", "evaluation")),
        blessing=uris.get(("RetrievalEvaluator", "blessing")),
        infra_blessing=uris.get(("ServingValidator", "blessing")),
    )


def _outcome(error: BaseException) -> Outcome:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return "refused" if isinstance(own_error(error), GateError) else "failed"
