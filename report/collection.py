"""Collects the facts of a run from its artifacts."""

import time
from datetime import datetime
from typing import Final, NamedTuple

from registry.push_folder import timestamp
from report.description import RunDescription
from report.facts.model import Gate, Push
from report.facts.run import Outcome, RunFacts
from report.model import read_evaluated, read_gate, read_serving, read_trained
from report.readers import read_readers
from report.reviews import read_came_in
from report.splits import read_kept
from report.step_files import read_steps

QUALITY_GATE: Final = "RetrievalEvaluator"
SERVING_GATE: Final = "ServingValidator"


class Locations(NamedTuple):
    """Addresses of a run's artifacts. None: the run did not get that far."""

    reviews: str | None = None
    """Output of RatingsExampleGen. The other fields are component outputs too, except `baseline`."""

    statistics: str | None = None
    contract: str | None = None
    anomalies: str | None = None
    baseline: str | None = None
    """File with the statistics of the last accepted run, which DataGate compares the reviews with."""

    splits: str | None = None
    transform_graph: str | None = None
    model: str | None = None
    model_run: str | None = None
    evaluation: str | None = None
    blessing: str | None = None
    infra_blessing: str | None = None


def collect(
    description: RunDescription,
    where: Locations,
    *,
    outcome: Outcome = "pushed",
    pushed: Push | None = None,
    failed_step: str | None = None,
    error: str | None = None,
    with_readers: bool = True,
) -> RunFacts:
    """Returns the facts of a run.

    Args:
      description: facts that the runner knows before the run.
      where: addresses of its artifacts.
      outcome: how it ended.
      pushed: the pushed version, if any.
      failed_step: the step that ended the run early, if any.
      error: the error message shown to the user, if any.
      with_readers: whether to get recommendations for sample readers from the model, which takes seconds.
    """
    finished = timestamp(time.time())
    came_in = where.reviews and read_came_in(
        where.reviews,
        str(description.configuration.get("data", "")),
        statistics=where.statistics,
        anomalies=where.anomalies,
        contract=where.contract,
        baseline=where.baseline,
        max_shrinkage=description.configuration.get("max_shrinkage", 1.0),
        zero_rating=description.configuration.get("zero_rating", "rating"),
    )
    gates = _gates(where)
    steps = read_steps(description.steps_file) if description.steps_file else ()
    if outcome == "refused":
        failed_step = next((gate.step for gate in gates if not gate.passed), failed_step)
        steps = tuple(
            step.model_copy(update={"state": "stopped"}) if step.state == "failed" else step for step in steps
        )
    return RunFacts(
        run_id=description.run_id,
        pipeline=description.pipeline,
        runner=description.runner,
        outcome=outcome,
        started=description.started,
        finished=finished,
        seconds=_seconds(description.started, finished) if description.started else None,
        failed_step=failed_step,
        error=error,
        came_in=came_in or None,
        kept=read_kept(where.splits, where.transform_graph) if where.splits else None,
        trained=read_trained(where.model_run) if where.model_run else None,
        evaluated=read_evaluated(where.evaluation) if where.evaluation else None,
        serving=read_serving(where.infra_blessing) if where.infra_blessing else None,
        gates=gates,
        pushed=pushed,
        steps=steps,
        lineage=description.lineage(came_in.content_sha256 if came_in else None),
        readers=read_readers(where.model, where.splits, where.transform_graph)
        if with_readers and where.model and where.splits and where.transform_graph
        else (),
    )


def _seconds(started: str, finished: str) -> float:
    first, last = (datetime.fromisoformat(moment.replace("Z", "+00:00")) for moment in (started, finished))
    return (last - first).total_seconds()


def _gates(where: Locations) -> tuple[Gate, ...]:
    verdicts = ((QUALITY_GATE, where.blessing), (SERVING_GATE, where.infra_blessing))
    return tuple(read_gate(step, blessing) for step, blessing in verdicts if blessing)
