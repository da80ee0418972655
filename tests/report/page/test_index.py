import pytest

from report.facts.run import RunFacts
from report.page.index import render_index
from report.page.wording import of_measure
from tests.report import run_facts
from tests.report.html_page import HtmlPage


def every_run() -> list[RunFacts]:
    return [run_facts.failed(), run_facts.refused(), run_facts.pushed(), run_facts.refused_data()]


@pytest.fixture(scope="module")
def page() -> HtmlPage:
    return HtmlPage(render_index(every_run()))


def test_every_run_is_linked_the_newest_first(page: HtmlPage) -> None:
    links = [link["href"] for link in page.all("a") if link.get("class") == "short"]
    runs = [run_facts.refused(), run_facts.pushed(), run_facts.refused_data(), run_facts.failed()]
    expected = sorted(runs, key=lambda run: (run.started or "", run.run_id), reverse=True)
    assert links == [f"{run.run_id}/index.html" for run in expected]


def test_the_measures_of_every_run_are_there(page: HtmlPage) -> None:
    exact = set(page.values("data-value"))
    for run in every_run():
        assert {run.run_id, run.outcome} <= exact
        for model in run.evaluated.models[:1] if run.evaluated else ():
            for name in ("recall_at_20", "ndcg_at_20", "hit_rate_at_20", "coverage_at_20"):
                assert str(model.figures[name].value) in exact
                assert of_measure(name).write(model.figures[name].value) in page.text


def test_measures_are_drawn_over_time_of_both_runs_that_have_them(page: HtmlPage) -> None:
    charts = [svg for svg in page.all("svg") if svg.get("class") == "chart"]
    assert [chart["aria-label"] for chart in charts] == [
        f"{name} of the runs over time" for name in ("Recall@20", "NDCG@20", "Hit rate@20", "Coverage@20")
    ]
    tips = page.values("data-tip")
    for run in (run_facts.pushed(), run_facts.refused()):
        assert run.evaluated is not None
        figure = run.evaluated.models[0].figures["recall_at_20"]
        assert f"{run.run_id}, this model: {figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})" in tips


def test_the_last_pushed_version_stands_on_top(page: HtmlPage) -> None:
    pushed = run_facts.pushed().pushed
    assert pushed is not None
    assert f"Version {pushed.version} was pushed last" in page.text


def test_one_run_is_not_drawn_over_time() -> None:
    page = HtmlPage(render_index([run_facts.pushed()]))
    assert not [svg for svg in page.all("svg") if svg.get("class") == "chart"]
    assert run_facts.pushed().run_id in page.text


def test_there_may_be_no_run_and_none_that_pushed() -> None:
    assert "No run yet" in HtmlPage(render_index([])).text
    assert "Nothing was pushed yet" in HtmlPage(render_index([run_facts.failed()])).text


def test_what_a_run_is_called_is_no_way_out_of_its_folder() -> None:
    page = HtmlPage(render_index([run_facts.hostile(), run_facts.bare(run_facts.pushed(), "a b?c#d")]))
    assert len(page.all("script")) == 1
    assert not page.all("img")
    links = [link["href"] for link in page.all("a") if link.get("class") == "short"]
    assert "a%20b%3Fc%23d/index.html" in links
    assert all(set("<>\"'?#: ").isdisjoint(link) for link in links)
