"""The pages in a real browser: on a desk and on a phone, light and dark. `make test-report`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from report.page.index import render_index
from report.page.page import render_report
from scripts.chromium import MISSING, find_chromium, launch_arguments
from tests.report import run_facts

pytestmark = pytest.mark.browser

RUNS = (run_facts.pushed, run_facts.refused, run_facts.refused_data, run_facts.failed)
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")
KINDS = ("pushed", "refused", "refused_data", "failed", "hostile", "index")
BACKGROUNDS = {"light": "rgb(245, 243, 238)", "dark": "rgb(21, 23, 28)"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder's reports, as the runner lays them out."""
    root = tmp_path_factory.mktemp("reports")
    runs = [make() for make in RUNS]
    (root / "index.html").write_text(render_index(runs), encoding="utf-8")
    for name, run in [*((run.run_id, run) for run in runs), ("hostile", run_facts.hostile())]:
        (root / name).mkdir()
        (root / name / "index.html").write_text(render_report(run), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=launch_arguments())
        yield started
        started.close()


class Visit:
    """A page that was opened, and everything that it complained of or asked for."""

    def __init__(self, page: Page, path: Path):
        self.page, self.complaints, self.requests = page, [], []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path.as_uri())


@pytest.fixture
def visit(request: pytest.FixtureRequest, browser: Browser, folder: Path) -> Iterator[Visit]:
    kind, width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, offline=True)
    context.set_default_timeout(60_000)
    name = getattr(run_facts, kind)().run_id if kind not in ("index", "hostile") else kind
    path = folder / "index.html" if kind == "index" else folder / name / "index.html"
    opened = Visit(context.new_page(), path)
    yield opened
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith(("file://", "data:"))] == []
    context.close()


def everywhere(*kinds: str) -> Any:
    cases = [(kind, width, scheme) for kind in kinds for width in WIDTHS for scheme in SCHEMES]
    return pytest.mark.parametrize("visit", cases, indirect=True, ids=lambda case: "-".join(map(str, case)))


def on_a_desk(*kinds: str) -> Any:
    return pytest.mark.parametrize("visit", [(kind, 1280, "light") for kind in kinds], indirect=True, ids=kinds)


def unfold(page: Page) -> None:
    """Opens everything that is folded, by its summary."""
    for summary in page.locator("details:not([open]) > summary").all():
        if summary.is_visible():
            summary.click()
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")


def overflowing(page: Page) -> list[str]:
    """What stands out of the page to the right, but for what scrolls within its own box."""
    return page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter((element) =>
            element.getBoundingClientRect().right > document.documentElement.clientWidth + 1
            && !element.closest(".scroll, pre, .sections ul, svg, .unseen, .tip"))
            .map((element) => element.outerHTML.slice(0, 200))"""
    )


@everywhere(*KINDS)
def test_it_opens_without_a_fault(visit: Visit) -> None:
    page = visit.page
    unfold(page)
    width = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width[0] <= width[1], "the page scrolls to the side"
    assert overflowing(page) == []
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    serious = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    assert [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in serious] == []


@everywhere("pushed")
def test_it_follows_the_colour_scheme(visit: Visit) -> None:
    page = visit.page
    scheme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == BACKGROUNDS[scheme]
    fills = page.evaluate(
        "[...document.querySelectorAll('.chart [data-tip]')].map((mark) => getComputedStyle(mark).fill)"
    )
    expected = page.evaluate(
        """["--model", "--popularity", "--peer", "--served"].map((name) => {
            const probe = document.createElement("i");
            document.body.append(probe);
            probe.style.color = `var(${name})`;
            const colour = getComputedStyle(probe).color;
            probe.remove();
            return colour;
        })"""
    )
    assert len(fills) > 50
    assert set(fills) <= set(expected)


def exact(column: Locator) -> list[str]:
    return column.evaluate_all("cells => cells.map((cell) => cell.dataset.value)")


@everywhere("pushed")
def test_tables_sort_by_click_and_by_keyboard(visit: Visit) -> None:
    table = visit.page.get_by_role("table", name="Every step")
    heading, cells = table.get_by_role("columnheader", name="Time"), table.locator("tbody td:nth-child(3)")
    before = exact(cells)
    button = heading.get_by_role("button")
    button.click()
    assert heading.get_attribute("aria-sort") == "ascending"
    rising = exact(cells)
    assert [float(value) for value in rising] == sorted(float(value) for value in before)
    button.focus()
    visit.page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert [float(value) for value in exact(cells)] == sorted((float(value) for value in before), reverse=True)
    other = table.get_by_role("columnheader", name="Step")
    other.get_by_role("button").focus()
    visit.page.keyboard.press("Space")
    assert other.get_attribute("aria-sort") == "ascending"
    assert heading.get_attribute("aria-sort") == "none"
    names = exact(table.locator("tbody th"))
    assert names == sorted(names, key=str.lower)


@on_a_desk("refused")
def test_what_was_not_measured_stands_last_however_it_is_sorted(visit: Visit) -> None:
    table = visit.page.get_by_role("table", name="Every step")
    cells, button = table.locator("tbody td:nth-child(3)"), table.get_by_role("button", name="Time")
    for _ in range(2):
        button.click()
        measured = [value for value in exact(cells) if value]
        assert exact(cells) == [*measured, *[""] * (len(exact(cells)) - len(measured))] != measured


@everywhere("pushed", "refused")
def test_what_is_folded_opens_by_click_and_by_keyboard(visit: Visit) -> None:
    page = visit.page
    every = page.get_by_text("Every epoch as a table")
    table = page.get_by_role("table", name="Every epoch")
    assert not table.is_visible()
    every.click()
    assert table.is_visible()
    configuration = page.get_by_text("The full configuration").first
    configuration.focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("table", name="The full configuration").is_visible()


@everywhere("pushed")
def test_links_lead_to_their_sections(visit: Visit) -> None:
    page = visit.page
    for link in page.get_by_role("navigation").get_by_role("link").all():
        link.click()
        target = page.locator(link.get_attribute("href") or "")
        target.wait_for()
        page.wait_for_function(
            "id => document.querySelector(id).getBoundingClientRect().top < 300", arg=link.get_attribute("href")
        )
    assert page.get_by_role("heading", name="Where it comes from").is_visible()


@on_a_desk("pushed")
def test_a_mark_says_what_it_stands_for_where_it_is_pointed_at(visit: Visit) -> None:
    mark = visit.page.locator(".chart [data-tip^='Trainer']").first
    mark.scroll_into_view_if_needed()
    mark.hover()
    tip = visit.page.locator(".tip")
    assert tip.is_visible()
    assert tip.text_content() == mark.get_attribute("data-tip")


@on_a_desk("pushed")
def test_on_paper_everything_is_unfolded_and_black_on_white(visit: Visit) -> None:
    page = visit.page
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.get_by_role("navigation").is_visible()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() > 10
    assert len(page.pdf()) > 50_000


@everywhere("index")
def test_the_index_leads_to_every_run(visit: Visit) -> None:
    page = visit.page
    table = page.get_by_role("table", name="All runs")
    heading = table.get_by_role("columnheader", name="Run", exact=True)
    heading.get_by_role("button").click()
    runs = exact(table.locator("tbody th"))
    assert runs == sorted(run().run_id for run in RUNS)
    for run in runs:
        table.get_by_role("link", name=run).click()
        assert run in (page.locator(".brand").text_content() or "")
        page.go_back()
