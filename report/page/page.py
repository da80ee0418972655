"""The page of one run: all its facts in one HTML file that opens offline."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from report.facts.figures import Bar, Counted
from report.facts.model import Evaluated, Slice
from report.facts.run import RunFacts
from report.page import charts
from report.page.formatting import number, score, sizes
from report.page.templating import render
from report.page.wording import of_measure, of_model

MOST_BARS: Final = 12
MOST_BOOKS: Final = 10
"""Number of read books shown before the rest is folded: as many as are recommended."""

LONG_TAIL: Final = (
    "coverage_at_20",
    "reachable_coverage_at_20",
    "gini_at_20",
    "novelty_at_20",
    "popularity_percentile_at_20",
)
COMPARED: Final = ("recall_at_20", "ndcg_at_20", "hit_rate_at_20", "coverage_at_20")


class Drawing(NamedTuple):
    """A chart with its title, table and note."""

    drawing: Markup
    title: str
    rows: Sequence[Any] = ()
    """Rows of the table beside the chart."""

    what: str = ""
    """Heading of the first column of the table."""

    unit: str = ""
    note: str = ""


class Refusal(NamedTuple):
    """A gate that stopped the run, and why."""

    gate: str
    reasons: Sequence[tuple[str, str, str]]
    """For each reason: what was checked, what was found, and what was needed or the details."""


def render_report(facts: RunFacts) -> str:
    """Returns the page of a run as one HTML file that makes no requests. Parts that the run did not reach are left out.

    Args:
      facts: facts of the run. Figures are rounded here, never computed.
    """
    evaluated = facts.evaluated
    measures = _measures(evaluated) if evaluated else []
    return render(
        "page.html",
        facts=facts,
        sections=list(_sections(facts)),
        headline=headline(facts),
        refusals=list(_refusals(facts)),
        charts={
            "reviews": list(_reviews(facts)),
            "kept": list(_kept(facts)),
            "curves": list(_curves(facts)),
            "quality": list(_quality(facts)),
            "slices": list(_slices(facts)),
            "steps": list(_steps(facts)),
        },
        measures=measures,
        long_tail=[name for name in LONG_TAIL if name in measures],
        most_books=MOST_BOOKS,
        model_columns=[(of_model(model.name), True) for model in evaluated.models] if evaluated else [],
    )


def headline(facts: RunFacts) -> str:
    """Returns the outcome of a run in one line."""
    step = facts.failed_step
    if facts.outcome == "pushed":
        return f"Version {facts.pushed.version} was pushed" if facts.pushed else "A model was pushed"
    if facts.outcome == "refused":
        return "The data were refused" if facts.trained is None and not facts.gates else "The model was refused"
    if facts.outcome == "interrupted":
        return f"The run was interrupted at {step}" if step else "The run was interrupted"
    if facts.runner == "local" and not facts.steps:
        return "The run failed before its first step"
    return f"The run failed at {step}" if step else "The run failed"


def _sections(facts: RunFacts) -> Iterator[tuple[str, str]]:
    """Yields the name and label of each section that the run has facts for."""
    yield "data", "Data"
    if facts.kept:
        yield "kept", "Kept"
    if facts.trained:
        yield "training", "Training"
    if facts.evaluated:
        yield "quality", "Quality"
        yield "slices", "Slices"
    yield "gates", "Gates"
    yield "steps", "Time"
    if facts.readers:
        yield "readers", "Readers"
    yield "lineage", "Lineage"


def _refusals(facts: RunFacts) -> Iterator[Refusal]:
    """Yields the reasons of each gate that refused the run."""
    if facts.outcome != "refused":
        return
    for gate in facts.gates:
        if not gate.passed:
            failing = [check for check in gate.checks if not check.passed]
            yield Refusal(gate.step, [(check.what, check.found, f"needed: {check.needed}") for check in failing])
    if not facts.gates and facts.failed_step and facts.came_in:
        reasons = [(found.feature, found.problem, found.detail) for found in facts.came_in.anomalies]
        if not facts.lineage.configuration.get("accept_drift"):
            reasons += [
                (drift.feature, "drift", f"{drift.measure} {score(drift.value)}, above {score(drift.threshold)}")
                for drift in facts.came_in.drift
                if drift.exceeded
            ]
        if reasons:
            yield Refusal(facts.failed_step, reasons)


def _measures(evaluated: Evaluated) -> list[str]:
    """Returns the names of the metrics of all models, without duplicates, in order of first appearance."""
    return list(dict.fromkeys(name for model in evaluated.models for name in model.figures))


def _bars(rows: Sequence[tuple[str, float]], title: str, what: str) -> Drawing:
    return Drawing(charts.histogram(rows, title, what), title, rows, what)


def _sizes(bars: Sequence[Bar]) -> list[tuple[str, float]]:
    return [(sizes(bar.low, bar.high), bar.count) for bar in bars]


def _top(values: Sequence[Counted], title: str, what: str) -> Drawing:
    shown = values[:MOST_BARS]
    return Drawing(charts.most_frequent(shown, title), title, [(value.name, value.count) for value in shown], what)


def _reviews(facts: RunFacts) -> Iterator[Drawing]:
    if facts.came_in is None:
        return
    if facts.came_in.ratings:
        ratings = [(number(bar.low), bar.count) for bar in facts.came_in.ratings]
        yield _bars(ratings, "Reviews by rating", "rating")
    for feature in facts.came_in.features:
        if feature.top:
            yield _top(feature.top, f"Most frequent in {feature.name}", feature.name)


def _kept(facts: RunFacts) -> Iterator[Drawing]:
    if facts.kept and facts.kept.books_of_readers:
        yield _bars(_sizes(facts.kept.books_of_readers), "Readers by their training books", "books of a reader")
    if facts.kept and facts.kept.readers_of_books:
        yield _bars(_sizes(facts.kept.readers_of_books), "Books by their training readers", "readers of a book")


def _curves(facts: RunFacts) -> Iterator[Drawing]:
    if facts.trained and any(trial.epochs for trial in facts.trained.trials):
        for measure, title in (("recall", "Recall@20 on validation, by epoch"), ("loss", "Loss, by epoch")):
            yield Drawing(charts.epochs(facts.trained, measure, title), title)


def _quality(facts: RunFacts) -> Iterator[Drawing]:
    evaluated = facts.evaluated
    if evaluated and evaluated.models:
        for name in COMPARED:
            if all(name in model.figures for model in evaluated.models):
                told = of_measure(name)
                yield Drawing(charts.compared_models(evaluated, name), told.label, note=told.meaning)


def _slices(facts: RunFacts) -> Iterator[Drawing]:
    evaluated = facts.evaluated
    if evaluated is None:
        return
    parts: tuple[tuple[Sequence[Slice], str, str], ...] = (
        (evaluated.activity, "Readers of few, some and many books", "Readers"),
        (evaluated.popularity, "Books of the head, the torso and the tail", "Held out"),
        (evaluated.genres, "Books of the largest genres", "Held out"),
    )
    for rows, title, unit in parts:
        if rows:
            yield Drawing(charts.slices(rows, title), title, rows, unit=unit)


def _steps(facts: RunFacts) -> Iterator[Drawing]:
    for measure, title in (("seconds", "Time of each step"), ("peak_memory_mib", "Peak memory during each step")):
        if any(getattr(step, measure) is not None for step in facts.steps):
            yield Drawing(charts.steps(facts.steps, title, measure), title)
