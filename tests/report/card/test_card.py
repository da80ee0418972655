"""The model card: the sections of the paper, and no figure that is not the run's."""

import json
import math
import re
from pathlib import Path

import pytest

from components.artifacts.card_notes import CARD_FILE, CARD_TEXT_FILE, card_notes
from report.card.card import model_card
from report.card.card_files import copy_card, write_card
from report.card.card_text import as_markdown
from report.facts.model import Check, Gate
from report.facts.run import RunFacts
from tests.report.run_facts import EXAMPLE
from transform import features

# Mitchell et al., 2019, figure 1.
SECTIONS = (
    "model_details",
    "intended_use",
    "factors",
    "metrics",
    "evaluation_data",
    "training_data",
    "quantitative_analyses",
    "ethical_considerations",
    "caveats_and_recommendations",
)


@pytest.fixture(scope="module")
def facts() -> RunFacts:
    return RunFacts.model_validate_json(EXAMPLE.read_text(encoding="utf-8"))


def test_the_sections_are_those_of_the_paper_in_its_order(facts: RunFacts, tmp_path: Path) -> None:
    assert tuple(model_card(facts)) == SECTIONS
    write_card(facts, str(tmp_path))
    headings = re.findall(r"^## (.+)$", (tmp_path / CARD_TEXT_FILE).read_text(encoding="utf-8"), re.MULTILINE)
    assert [heading.lower().replace(" ", "_") for heading in headings] == list(SECTIONS)


def test_figures_and_checks_are_the_runs(facts: RunFacts, tmp_path: Path) -> None:
    write_card(facts, str(tmp_path))
    card = json.loads((tmp_path / CARD_FILE).read_text(encoding="utf-8"))
    text = (tmp_path / CARD_TEXT_FILE).read_text(encoding="utf-8")
    assert facts.evaluated is not None
    for model in facts.evaluated.models:
        for name, figure in model.figures.items():
            told = card["quantitative_analyses"]["overall"][model.name][name]
            assert told["value"] == figure.value
            assert (told.get("low"), told.get("high")) == (figure.low, figure.high)
        assert f"| {model.name} | {model.figures['recall_at_20'].value:.4f} (" in text
    for each in (*facts.evaluated.activity, *facts.evaluated.popularity, *facts.evaluated.genres):
        assert f"| {each.name} | {each.size:,} | {each.recall:.4f} | " in text
    for gate in facts.gates:
        for check in gate.checks:
            assert check.model_dump() in card["metrics"]["decision_thresholds"]
            assert f"| {check.what} | {check.found} | {check.needed} | ok |" in text
    assert card["training_data"]["content_sha256"] == facts.lineage.data_sha256
    assert card["model_details"]["configuration"] == facts.lineage.configuration


def test_no_reader_is_in_it(facts: RunFacts, tmp_path: Path) -> None:
    write_card(facts, str(tmp_path))
    assert facts.readers
    for file in tmp_path.iterdir():
        content = file.read_text(encoding="utf-8")
        assert not [reader.user_id for reader in facts.readers if reader.user_id in content]


def test_a_run_of_which_little_is_known_has_a_card_too(facts: RunFacts, tmp_path: Path) -> None:
    parts = ("came_in", "kept", "trained", "evaluated", "serving", "pushed")
    bare = facts.model_copy(update={**dict.fromkeys(parts), "gates": (), "readers": ()})
    write_card(bare, str(tmp_path))
    assert json.loads((tmp_path / CARD_FILE).read_text())["quantitative_analyses"] == {}
    assert "None" not in (tmp_path / CARD_TEXT_FILE).read_text(encoding="utf-8")


def test_what_json_does_not_know_is_null_and_a_cell_stays_one(facts: RunFacts, tmp_path: Path) -> None:
    assert facts.trained is not None
    check = Check(what="a|b\nc", found="1", needed="2", passed=False)
    odd = facts.model_copy(
        update={
            "gates": (Gate(step="RetrievalEvaluator", passed=False, checks=(check,)),),
            "trained": facts.trained.model_copy(update={"recipe": {**facts.trained.recipe, "x": [math.nan, math.inf]}}),
        }
    )
    write_card(odd, str(tmp_path))
    card = json.loads((tmp_path / CARD_FILE).read_text(), parse_constant=pytest.fail)
    assert card["model_details"]["recipe"]["x"] == [None, None]
    assert "| a\\|b c | 1 | 2 | refused |" in (tmp_path / CARD_TEXT_FILE).read_text()


def test_the_notes_for_the_push_and_the_copy_are_the_card(facts: RunFacts, tmp_path: Path) -> None:
    write_card(facts, str(tmp_path / "card"))
    copy_card(str(tmp_path / "card"), str(tmp_path / "copy"))
    for name in (CARD_FILE, CARD_TEXT_FILE):
        assert (tmp_path / "card" / name).read_bytes() == (tmp_path / "copy" / name).read_bytes()
    notes = card_notes(str(tmp_path / "card"))
    assert notes[features.MODEL_CARD_FILE] == json.loads((tmp_path / "card" / CARD_FILE).read_text())
    assert notes[features.MODEL_CARD_TEXT_FILE] == (tmp_path / "card" / CARD_TEXT_FILE).read_text()


def test_genres_are_shown_as_they_are_and_are_no_markup(facts: RunFacts) -> None:
    shown = {
        "<img src=x onerror=a()>": "&lt;img src=x onerror=a()&gt;",
        "[a](http://x.example) ![b](c)": r"\[a\](http://x.example) !\[b\](c)",
        "`a` *b* _c_ ~~d~~ $e$": r"\`a\` \*b\* \_c\_ \~\~d\~\~ \$e\$",
        "\\ | &amp;": r"\\ \| &amp;amp;",
        "a\x1b[31m\u202e": r"a\\x1b\[31m\\u202e",
        "R & B\n\n# Heading": "R &amp; B # Heading",
        "Science Fiction, 18th-century": "Science Fiction, 18th-century",
    }
    assert facts.evaluated is not None
    genres = tuple(facts.evaluated.genres[0].model_copy(update={"name": name}) for name in shown)
    card = model_card(facts.model_copy(update={"evaluated": facts.evaluated.model_copy(update={"genres": genres})}))
    rows = as_markdown(card).partition("| genre |")[2].splitlines()[2:]
    assert [row.partition(" | ")[0] for row in rows[: len(shown)]] == [f"| {text}" for text in shown.values()]
