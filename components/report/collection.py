"""From a run's artifacts to its facts."""

import time
from datetime import datetime
from typing import Final, NamedTuple

from components.report.description import RunDescription
from components.report.facts import Outcome, RunFacts
from components.report.interactions import read_kept
from components.report.model import read_evaluated, read_gate, read_serving, read_trained
from components.report.model_facts import Gate, Push
from components.report.readers import read_readers
from components.report.reviews import read_came_in
from components.report.steps import read_steps
from transform.push_folder import timestamp

QUALITY_GATE: Final = "RetrievalEvaluator"
SERVING_GATE: Final = "ServingValidator"


class Locations(NamedTuple):
    """Where a run's artifacts are. None: the run did not come so far."""

    reviews: str | None = None
    """RatingsExampleGen's examples, as the others are the outputs of the component that makes them."""

    statistics: str | None = None
    contract: str | None = None
    anomalies: str | None = None
    baseline: str | None = None
    """File with the statistics that the reviews were compared with."""

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
    """Returns all that is known of a run.

    Args:
      description: what its runner says.
      where: its artifacts.
      outcome: how it ended.
      pushed: what is served now, if it was pushed.
      failed_step: the step in which it ended, if it did not come to its end.
      error: what the user was told then.
      with_readers: whether to ask the model for some readers, which takes seconds.
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
