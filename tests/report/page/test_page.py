import base64
import hashlib
import re
from typing import Any

import pytest

from report.facts.run import RunFacts
from report.page.charts import compared_models
from report.page.formatting import number, score
from report.page.page import headline, render_report
from report.page.wording import of_measure
from tests.report import run_facts
from tests.report.html_page import HtmlPage

RUNS = {
    "pushed": run_facts.pushed,
    "refused": run_facts.refused,
    "refused data": run_facts.refused_data,
    "failed": run_facts.failed,
    "hostile": run_facts.hostile,
}
RENDERED: dict[str, str] = {}


def html_of(name: str) -> str:
    """The page of one of `RUNS`, drawn once."""
    if name not in RENDERED:
        RENDERED[name] = render_report(RUNS[name]())
    return RENDERED[name]


@pytest.fixture(params=RUNS)
def html(request: pytest.FixtureRequest) -> str:
    return html_of(request.param)


def test_every_measure_is_there_exactly_and_with_its_interval() -> None:
    facts, page = run_facts.pushed(), HtmlPage(html_of("pushed"))
    assert facts.evaluated is not None
    exact, text = set(page.values("data-value")), page.text
    for model in facts.evaluated.models:
        for name, figure in model.figures.items():
            write = of_measure(name).write
            assert str(figure.value) in exact, (model.name, name)
            assert write(figure.value) in text, (model.name, name)
            if figure.low is not None and figure.high is not None:
                assert f"{write(figure.low)} to {write(figure.high)}" in text, (model.name, name)


def test_every_other_number_is_there_to_sort_by() -> None:
    facts, page = run_facts.pushed(), HtmlPage(html_of("pushed"))
    exact = set(page.values("data-value"))
    assert facts.evaluated is not None
    assert facts.trained is not None
    assert facts.came_in is not None
    assert facts.kept is not None
    numbers = [
        *(value for trial in facts.trained.trials for epoch in trial.epochs for value in epoch.model_dump().values()),
        *(
            value
            for kind in (facts.evaluated.activity, facts.evaluated.popularity, facts.evaluated.genres)
            for part in kind
            for value in (part.name, part.size, part.recall, part.recall_of_popularity)
        ),
        *(value for step in facts.steps for value in (step.name, step.seconds, step.peak_memory_mib)),
        *(value for drift in facts.came_in.drift for value in (drift.feature, drift.value, drift.threshold)),
        *(value for feature in facts.came_in.features for value in (feature.present, feature.missing)),
        *(bar.count for bar in (*facts.came_in.ratings, *facts.kept.books_of_readers, *facts.kept.readers_of_books)),
        *(value for gate in facts.gates for check in gate.checks for value in (check.what, check.found, check.needed)),
    ]
    assert [value for value in numbers if str(value) not in exact] == []


def test_counts_lineage_and_readers_are_there_in_words() -> None:
    facts, page = run_facts.pushed(), HtmlPage(html_of("pushed"))
    assert facts.kept is not None
    assert facts.serving is not None
    lineage = facts.lineage
    wanted = [
        *(number(count) for count in facts.kept.counts.values()),
        lineage.data_sha256,
        lineage.git_revision,
        lineage.pseudonym_key_id,
        *lineage.versions.items(),
        *lineage.seeds.items(),
        *((f"training.{name}", None) for name in lineage.configuration["training"]),
        *((f"evaluation.{name}", None) for name in lineage.configuration["evaluation"]),
        *(reader.user_id for reader in facts.readers),
        *(" ".join(book.title.split()) for reader in facts.readers for book in (*reader.read, *reader.recommended)),
        *(f"score {score(book.score)}" for reader in facts.readers for book in reader.recommended),
    ]
    texts = set(page.texts)
    for item in wanted:
        for part in item if isinstance(item, tuple) else (item,):
            assert part is None or str(part) in texts, item


def test_genres_that_agree_are_marked_and_no_others() -> None:
    facts, html = run_facts.pushed(), html_of("pushed")
    agreeing = [
        genre
        for reader in facts.readers
        for book in (*reader.read, *reader.recommended)
        for genre in book.genres
        if genre in reader.shared_genres
    ]
    assert agreeing
    found = re.findall(r'<li class="agrees">([^<]*)<span class="unseen"> \(agrees\)</span>', html)
    assert sorted(found) == sorted(genre.replace("&", "&amp;").replace("'", "&#39;") for genre in agreeing)


def test_a_refused_model_is_told_on_top_with_the_check_that_failed() -> None:
    facts, page = run_facts.refused(), HtmlPage(html_of("refused"))
    top = page.text[: page.text.index("What came in")]
    failing = next(check for check in facts.gates[0].checks if not check.passed)
    for text in ("The model was refused", failing.what, failing.found, failing.needed, "0.2340"):
        assert text in top, text
    assert "✕ refused" in page.text
    assert "this one on the same books: 0.1813" in top
    assert "Served before: 0.2340" not in page.values("data-tip"), "on other books than the others"
    assert "Why nothing was pushed" in page.text
    assert facts.evaluated is not None
    assert facts.evaluated.models[1].figures["recall_at_20"].value != 0
    assert "was pushed" not in top.replace("Nothing was pushed", "")


def test_the_books_that_moved_most_in_readers_lists_are_told_as_text() -> None:
    page = html_of("refused")
    assert "Books that moved most" in page
    assert "The &lt;b&gt;lifted&lt;/b&gt; book" in page
    assert "<b>lifted" not in page
    for value in ("0.0013979", "0.2041007", "208", "0.31", "0.28", "1998"):
        assert f'data-value="{value}"' in page
    assert "Books that moved most" not in html_of("pushed")


def test_the_served_model_is_drawn_beside_the_others_where_all_are_judged_by_the_same_books() -> None:
    evaluated = run_facts.refused().evaluated
    assert evaluated is not None
    assert evaluated.served is not None
    same = evaluated.served.model_copy(update={"heldout_interactions_left_out": 0})
    drawn = compared_models(evaluated.model_copy(update={"served": same}), "recall_at_20")
    assert 'data-tip="Served before: 0.2340"' in drawn


def test_refused_data_are_told_on_top_with_what_breaks_the_contract() -> None:
    page = HtmlPage(html_of("refused data"))
    top = page.text[: page.text.index("What came in")]
    assert "The data were refused" in top
    assert "Refused by DataGate" in top
    assert "RatingOf5: Out-of-range values ; Unexpectedly large value: 9." in top
    assert "Genres: drift ; largest change of a value's share 0.3100, above 0.1000" in top
    assert "✕ above" in page.text


def test_what_is_probably_not_meant_is_told_beside_the_rows() -> None:
    page = HtmlPage(html_of("refused"))
    assert "Probably not meant ! 1 to look at 2 books were rounded: a.csv:2 (9,78292E+12)." in page.text
    assert "Probably not meant" not in html_of("pushed")


def test_drift_that_is_accepted_is_no_reason() -> None:
    refused = run_facts.refused_data()
    lineage = refused.lineage.model_copy(update={"configuration": {"accept_drift": True}})
    top = HtmlPage(render_report(refused.model_copy(update={"lineage": lineage}))).text.partition("What came in")[0]
    assert "RatingOf5: Out-of-range values" in top
    assert "drift ;" not in top


def test_data_that_are_refused_before_they_are_read_are_told_with_who_refused_them() -> None:
    facts = run_facts.failed().model_copy(update={"outcome": "refused"})
    top = HtmlPage(render_report(facts)).text.partition("What came in")[0]
    assert "Refused by RatingsExampleGen reviews.csv has no column User." in top


def test_a_failed_run_is_told_with_what_the_user_was_told() -> None:
    page = HtmlPage(html_of("failed"))
    assert "The run failed at RatingsExampleGen" in page.text
    assert "reviews.csv has no column User. columns: a, b" in page.text
    assert "The run stopped before the reviews were read." in page.text
    assert "not reached" in page.text


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        ({"pushed": None}, "A model was pushed"),
        ({"outcome": "interrupted", "failed_step": "Trainer"}, "The run was interrupted at Trainer"),
        ({"outcome": "failed", "failed_step": None}, "The run failed"),
        ({"outcome": "failed", "steps": ()}, "The run failed before its first step"),
    ],
)
def test_the_headline_says_how_a_run_ended(update: dict[str, Any], expected: str) -> None:
    assert headline(run_facts.pushed().model_copy(update=update)) == expected


def test_a_run_without_any_part_has_a_page() -> None:
    facts = run_facts.bare(run_facts.pushed(), "kfp-1").model_copy(
        update={"runner": "kubeflow", "outcome": "interrupted"}
    )
    page = HtmlPage(render_report(facts))
    assert "on Kubeflow the page of the run there shows how long each took" in page.text
    assert page.all("svg"), "the sign of how it ended"


def test_it_is_one_small_file_that_asks_nobody(html: str) -> None:
    assert len(html.encode()) < 3_000_000
    page = HtmlPage(html)
    for element in page.elements:
        for name in ("src", "srcset", "poster", "data", "action", "xlink:href"):
            assert name not in element.attributes, element
        if "href" in element.attributes:
            assert element.attributes["href"].startswith(("#", "data:")), element
    assert not [value for _, attributes in page.elements for value in attributes.values() if "url(" in value]
    for way in ("url(", "@import", "fetch(", "XMLHttpRequest", "import("):
        assert way not in page.raw["style"] + page.raw["script"], way


def test_its_policy_allows_its_own_style_and_script_and_nothing_else(html: str) -> None:
    page = HtmlPage(html)
    [policy] = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    for kind in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.raw[kind].encode()).digest()).decode()
        assert rules.pop(f"{kind}-src") == f"'sha256-{digest}'"
    assert rules == {"default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}
    assert not [e for e in page.elements if "style" in e.attributes or any(n.startswith("on") for n in e.attributes)]


def test_what_comes_from_outside_is_text_and_never_markup() -> None:
    html = html_of("hostile")
    page = HtmlPage(html)
    assert len(page.all("script")) == len(page.all("style")) == 1
    assert not page.all("img")
    assert "<img" not in html
    shown = " ".join(run_facts.HOSTILE.split())
    assert shown in page.text
    assert "{{ 7 * 7 }}" in page.text
    [top_title] = [title for title in set(page.values("title")) if title == run_facts.HOSTILE][:1]
    assert top_title


def test_sections_are_linked_and_every_id_is_there_once(html: str) -> None:
    page = HtmlPage(html)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    linked = [link["href"].removeprefix("#") for link in page.all("a")]
    assert set(linked) <= set(ids)
    labelled = page.values("aria-labelledby")
    assert labelled
    assert set(labelled) <= set(ids)


def test_charts_are_named_and_take_their_colours_from_the_page() -> None:
    page = HtmlPage(html_of("pushed"))
    charts = [svg for svg in page.all("svg") if svg.get("class") == "chart"]
    assert len(charts) >= 15
    assert not [chart for chart in charts if "id" in chart or "style" in chart]
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in charts)
    assert {colour for name in ("fill", "stroke") for colour in page.values(name)} <= {
        "none",
        "transparent",
        *(f"var(--{name})" for name in re.findall(r"--([\w-]+):", page.raw["style"])),
    }


def test_what_a_chart_shows_is_told_by_its_marks() -> None:
    facts, page = run_facts.pushed(), HtmlPage(html_of("pushed"))
    tips = page.values("data-tip")
    assert facts.trained is not None
    for trial in facts.trained.trials:
        for epoch in trial.epochs:
            told = f"temperature {trial.temperature:g}, epoch {epoch.epoch}: "
            assert told + score(epoch.recall) in tips
            assert told + score(epoch.loss) in tips


def test_the_page_is_the_same_for_the_same_facts() -> None:
    again = RunFacts.model_validate_json(run_facts.refused().model_dump_json())
    assert render_report(again) == html_of("refused")
