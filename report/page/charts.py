"""The charts of a report. They show facts unchanged and take their colours from the page's style sheet."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import altair as alt
from markupsafe import Markup

from report.facts.figures import Counted, Figure
from report.facts.model import Evaluated, Slice, Trained
from report.facts.run import RunFacts, Step
from report.page.formatting import duration, memory, number, score
from report.page.svg import draw
from report.page.wording import Wording, of_measure, of_model

MODEL: Final = "var(--model)"
POPULARITY: Final = "var(--popularity)"
PEER: Final = "var(--peer)"
SERVED: Final = "var(--served)"
COLOURS: Final = {"model": MODEL, "popularity": POPULARITY, "served": SERVED}
SHAPES: Final = {"model": "circle", "popularity": "square"}
SHAPE: Final = alt.Shape("kind:N", scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES.values())), legend=None)

# https://www.w3.org/TR/xml/#charsets
NOT_IN_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Height in pixels of a row, and of axis and title together.
ROW: Final = 30
FRAME: Final = 46

# D3 number formats for the axis, by form of the measure.
FORMATS: Final = {"score": ".2~f", "percent": ".0~%", "number": "~s"}


def compared_models(evaluated: Evaluated, measure: str) -> Markup:
    """Draws a measure of all models with intervals, and the served model's Recall@20 if it is comparable."""
    wording = of_measure(measure)
    rows = [_row(model.name, of_model(model.name), model.figures[measure], wording) for model in evaluated.models]
    served = evaluated.served
    # A served model trained on some held-out interactions is evaluated on the others: not comparable here.
    same = served is not None and not served.heldout_interactions_left_out
    if served is not None and same and served.recall is not None and measure == "recall_at_20":
        rows.insert(1, _row("served", "Served before", Figure(value=served.recall), wording))
    y = alt.Y("name:N", sort=None, title=None, axis=alt.Axis(domain=False, ticks=False))
    base = _base(rows).encode(y=y, color=_colour_of([row["kind"] for row in rows]))
    scale = alt.Scale(zero=True, nice=False, padding=24)
    x = alt.X(
        "value:Q", title=None, scale=scale, axis=alt.Axis(tickCount=4, format=FORMATS[wording.form], domain=False)
    )
    whisker = base.mark_rule(strokeWidth=3, aria=False).encode(x=alt.X("low:Q"), x2="high:Q")
    dot = base.mark_point(filled=True, size=90, opacity=1).encode(x=x, description="tip:N")
    text = base.mark_text(dy=-12, fontSize=12, aria=False)
    label = text.encode(x="value:Q", text="text:N", color=alt.value("var(--ink)"))
    return draw(whisker + dot + label, f"{wording.label} of each model", height=FRAME + 40 * len(rows))


def epochs(trained: Trained, measure: str, title: str) -> Markup:
    """Draws a figure by epoch, with one line for each temperature."""
    rows = [
        {
            "epoch": epoch.epoch,
            "value": getattr(epoch, measure),
            "trial": str(place),
            "tip": f"temperature {trial.temperature:g}, epoch {epoch.epoch}: {score(getattr(epoch, measure))}",
        }
        for place, trial in enumerate(trained.trials)
        for epoch in trial.epochs
    ]
    names = [str(place) for place in range(len(trained.trials))]
    chosen = [trial.chosen for trial in trained.trials]
    colours = alt.Scale(domain=names, range=[MODEL if it else PEER for it in chosen])
    dashes = alt.Scale(domain=names, range=[[1, 0] if it else [4, 3] for it in chosen])
    base = _base(rows).encode(
        x=alt.X("epoch:Q", title="epoch", axis=alt.Axis(tickMinStep=1, grid=False, format="d")),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5)),
        color=alt.Color("trial:N", scale=colours, legend=None),
    )
    line = base.mark_line(strokeWidth=2, aria=False).encode(
        strokeDash=alt.StrokeDash("trial:N", scale=dashes, legend=None)
    )
    return draw(line + base.mark_point(filled=True, size=24, opacity=1).encode(description="tip:N"), title, height=220)


def histogram(bars: Sequence[tuple[str, float]], title: str, what: str) -> Markup:
    """Draws a histogram of numbers or ranges, in the given order; `what` is the label of the axis."""
    rows = [{"at": at, "count": count, "tip": f"{at}: {number(count)}"} for at, count in bars]
    axis = alt.Axis(labelAngle=0, labelOverlap=True, grid=False)
    drawn = _base(rows).mark_bar(color=MODEL)
    chart = drawn.encode(
        x=alt.X("at:O", sort=None, title=what, axis=axis, scale=alt.Scale(paddingInner=0.15)),
        y=alt.Y("count:Q", title=None, axis=alt.Axis(tickCount=4, format="~s")),
        description="tip:N",
    )
    return draw(chart, title, height=200)


def most_frequent(values: Sequence[Counted], title: str) -> Markup:
    """Draws the most frequent values, the first on top."""
    return _bars([(value.name, value.count, number(value.count)) for value in values], title)


def slices(parts: Sequence[Slice], title: str) -> Markup:
    """Draws Recall@20 of the model and of popularity in each slice."""
    rows = [
        {
            "name": part.name,
            "model": part.recall,
            "popularity": part.recall_of_popularity,
            "model_tip": f"{part.name}, this model: {score(part.recall)}",
            "popularity_tip": f"{part.name}, popularity: {score(part.recall_of_popularity)}",
        }
        for part in parts
    ]
    scale = alt.Scale(zero=True)
    x = alt.X("model:Q", title="Recall@20", scale=scale, axis=alt.Axis(tickCount=4))
    base = _base(rows).encode(y=alt.Y("name:N", sort=None, title=None))
    bridge = base.mark_rule(strokeWidth=2, color="var(--line-2)", aria=False).encode(x=x, x2="popularity:Q")
    dots = {
        kind: base.mark_point(filled=True, size=80, opacity=1, color=COLOURS[kind], shape=shape).encode(
            x=alt.X(f"{kind}:Q", scale=scale), description=f"{kind}_tip:N"
        )
        for kind, shape in SHAPES.items()
    }
    return draw(bridge + dots["popularity"] + dots["model"], title, height=FRAME + ROW * len(parts))


def steps(done: Sequence[Step], title: str, measure: str) -> Markup:
    """Draws the duration or the peak memory of each step, in the order in which they ran."""
    write = {"seconds": duration, "peak_memory_mib": memory}[measure]
    measured = [(step.name, getattr(step, measure)) for step in done]
    return _bars([(name, value, write(value)) for name, value in measured if value is not None], title)


def over_time(runs: Sequence[RunFacts], measure: str) -> Markup | None:
    """Draws a measure of model and popularity over all runs; returns None if fewer than two runs have it."""
    wording = of_measure(measure)
    rows: list[dict[str, Any]] = []
    for run in runs:
        for model in run.evaluated.models if run.evaluated and run.started else ():
            figure = model.figures.get(measure)
            if figure is not None and model.name in ("model", "popularity"):
                tip = f"{run.run_id}, {of_model(model.name).lower()}"
                rows.append({"when": run.started, **_row(model.name, tip, figure, wording)})
    if len({row["when"] for row in rows}) < 2:
        return None
    base = _base(rows).encode(
        x=alt.X("when:T", title=None, scale=alt.Scale(type="utc", nice=False, padding=12), axis=_axis_of_time(rows)),
        color=_colour_of(["model", "popularity"]),
    )
    y = alt.Y(
        "value:Q", title=None, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=5, format=FORMATS[wording.form])
    )
    line = base.mark_line(strokeWidth=2, aria=False).encode(y=y)
    whisker = base.mark_rule(aria=False, opacity=0.6).encode(y="low:Q", y2="high:Q")
    dots = base.mark_point(filled=True, size=50, opacity=1).encode(
        y=y,
        shape=SHAPE,
        description="tip:N",
    )
    return draw(line + whisker + dots, f"{wording.label} of the runs over time", height=220)


def _axis_of_time(rows: Sequence[dict[str, Any]]) -> Any:
    days = {row["when"][:10] for row in rows}
    if len(days) == 1:
        return alt.Axis(tickCount=4, grid=False, format="%H:%M")
    first, last = (date.fromisoformat(day) for day in (min(days), max(days)))
    step = alt.TimeIntervalStep(interval="day", step=max(1, (last - first).days // 4))
    return alt.Axis(tickCount=step, grid=False, format="%-d %b", labelOverlap=True)


def _bars(values: Sequence[tuple[str, float, str]], title: str) -> Markup:
    rows: list[dict[str, Any]] = [
        {"name": name, "count": count, "text": text, "tip": f"{name}: {text}"} for name, count, text in values
    ]
    most = max((row["count"] for row in rows), default=0)
    axis = alt.Axis(domain=False, ticks=False, labelLimit=170)
    base = _base(rows).encode(y=alt.Y("name:N", sort=None, title=None, axis=axis))
    x = alt.X("count:Q", axis=None, scale=alt.Scale(domain=[0, 1.3 * most or 1]))
    bar = base.mark_bar(color=MODEL, height=14).encode(x=x, description="tip:N")
    text = base.mark_text(align="left", dx=5, fontSize=12, aria=False, color="var(--ink-2)").encode(x=x, text="text:N")
    return draw(bar + text, title, height=8 + 22 * len(rows))


def _base(rows: Sequence[dict[str, Any]]) -> Any:
    # Untrusted text goes in as data only, never as an expression or a chart option.
    legible = [{name: _legible(value) for name, value in row.items()} for row in rows]
    return alt.Chart(alt.InlineData(values=legible))


def _legible(value: Any) -> Any:
    return NOT_IN_XML.sub("\ufffd", value) if isinstance(value, str) else value


def _row(kind: str, name: str, figure: Figure, wording: Wording) -> dict[str, Any]:
    text = wording.write(figure.value)
    known = figure.low is not None and figure.high is not None
    interval = f" ({wording.write(figure.low)} to {wording.write(figure.high)})" if known else ""
    values = {"value": figure.value, "low": figure.low, "high": figure.high}
    return {"kind": kind, "name": name, **values, "text": text, "tip": f"{name}: {text}{interval}"}


def _colour_of(kinds: Sequence[str]) -> Any:
    domain = list(dict.fromkeys(kinds))
    colours = [COLOURS.get(kind, PEER) for kind in domain]
    return alt.Color("kind:N", scale=alt.Scale(domain=domain, range=colours), legend=None)
