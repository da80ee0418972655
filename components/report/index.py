"""The page of all runs of a work folder: how each ended, and their measures over time."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from components.report import charts
from components.report.facts import RunFacts
from components.report.figures import Figure
from components.report.templating import render
from components.report.wording import OUTCOMES, of_measure

MEASURES: Final = ("recall_at_20", "ndcg_at_20", "hit_rate_at_20", "coverage_at_20")


class Curve(NamedTuple):
    """A measure of all runs."""

    drawing: Markup
    title: str
    note: str


class Row(NamedTuple):
    """A run, and what was measured of its model."""

    facts: RunFacts
    figures: dict[str, Figure]
    popularity: dict[str, Figure]


def render_index(facts: list[RunFacts]) -> str:
    """Returns the page of all runs as HTML, the newest on top.

    It stands beside the folders of the runs: a run's page is expected at `<run id>/index.html`.

    Args:
      facts: of the runs, in any order. Figures are rounded here, and never computed.
    """
    runs = sorted(facts, key=lambda run: (run.started or "", run.run_id), reverse=True)
    counts = Counter(run.outcome for run in runs)
    return render(
        "index.html",
        rows=[_row(run) for run in runs],
        counts=[(outcome, counts[outcome]) for outcome in OUTCOMES if counts[outcome]],
        served=next((run for run in runs if run.pushed), None),
        curves=_curves(runs),
        measures=[(name, of_measure(name)) for name in MEASURES],
        headings=[(of_measure(name).label, True) for name in MEASURES],
    )


def _row(run: RunFacts) -> Row:
    models = {model.name: model.figures for model in run.evaluated.models} if run.evaluated else {}
    return Row(run, dict(models.get("model", {})), dict(models.get("popularity", {})))


def _curves(runs: Sequence[RunFacts]) -> list[Curve]:
    told = [(of_measure(name), charts.over_time(runs, name)) for name in MEASURES]
    return [Curve(drawing, wording.label, wording.meaning) for wording, drawing in told if drawing is not None]
