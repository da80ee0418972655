"""The page of all runs in a work folder: their outcomes, and their metrics over time."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from report.facts.figures import Figure
from report.facts.run import RunFacts
from report.page import charts
from report.page.templating import render
from report.page.wording import OUTCOMES, of_measure

MEASURES: Final = ("recall_at_20", "ndcg_at_20", "hit_rate_at_20", "coverage_at_20")


class Curve(NamedTuple):
    """A chart of one metric over all runs."""

    drawing: Markup
    title: str
    note: str


class Row(NamedTuple):
    """A run and the metrics of its model and of popularity."""

    facts: RunFacts
    figures: dict[str, Figure]
    popularity: dict[str, Figure]


def render_index(facts: list[RunFacts]) -> str:
    """Returns the page of all runs as HTML, newest first.

    It belongs beside the folders of the runs, because it links to `<run id>/index.html`.

    Args:
      facts: facts of the runs, in any order. Figures are rounded here, never computed.
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
