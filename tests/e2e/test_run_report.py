"""The report of a run: no figure differs from the artifact it comes from, read here in another way."""

import gzip
import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tensorflow_metadata.proto.v0 import statistics_pb2

from pipeline.commands import report_index
from registry.push_folder import newest_version
from report.facts.run import Reader, RunFacts
from report.page.files import PAGE_FILE, read_facts
from serving.pushed_model import PushedModel
from tests.e2e.runs import HEADER, REVIEWS, SAMPLE, Run, Runner
from transform import features

pytestmark = pytest.mark.e2e

MOST_BYTES = 3_000_000


@pytest.fixture(scope="module")
def facts(sample_run: Run) -> RunFacts:
    assert sample_run.exit_code == 0, sample_run.output + sample_run.errors
    return read_facts(str(sample_run.report))


def content(run: Run, pattern: str) -> Any:
    return json.loads(run.artifact(pattern).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def interactions(sample_run: Run) -> pd.DataFrame:
    """What was kept, of both splits, a row an interaction."""
    parts = {
        split: sorted(sample_run.artifact(f"InteractionSplitter/examples/*/Split-{split}").glob("*.parquet"))
        for split in (features.TRAIN_SPLIT, features.EVAL_SPLIT)
    }
    rows = [
        row | {"split": split}
        for split, files in parts.items()
        for file in files
        for row in pq.read_table(file).to_pylist()
    ]
    return pd.DataFrame(
        {
            "split": row["split"],
            "user": row[features.USER][0].decode(),
            "book": row[features.ISBN][0].decode(),
            "rating": row[features.RATING][0] if row[features.RATING] else None,
            "genres": [genre.decode() for genre in row[features.GENRES] or ()],
        }
        for row in rows
    )


def test_the_run_prints_where_its_report_is_and_the_last_step_left_the_same(sample_run: Run, facts: RunFacts) -> None:
    assert sample_run.report.parent == sample_run.work_dir.resolve() / "reports"
    assert sample_run.output.splitlines()[-2] == f"Report: {sample_run.report / PAGE_FILE}"
    written = sample_run.artifact("RunReport/report/*")
    of_the_end = {"finished", "seconds", "steps"}
    assert read_facts(str(written)).model_dump(exclude=of_the_end) == facts.model_dump(exclude=of_the_end)
    for folder in (written, sample_run.report):
        assert {path.name for path in folder.iterdir()} == {
            "index.html",
            "facts.json",
            "model_card.json",
            "model_card.md",
        }
        assert sum(path.stat().st_size for path in folder.iterdir()) < MOST_BYTES


def test_what_came_in_is_what_is_in_the_file_and_in_the_statistics(sample_run: Run, facts: RunFacts) -> None:
    raw = gzip.decompress(SAMPLE.read_bytes())
    rows = pd.read_csv(SAMPLE, index_col=0)
    came_in = facts.came_in
    assert came_in is not None
    assert (came_in.files, came_in.rows, came_in.kept_rows, came_in.rejected_rows) == (1, len(rows), len(rows), 0)
    file_hash = hashlib.sha256(raw).hexdigest()
    assert came_in.content_sha256 == facts.lineage.data_sha256 == hashlib.sha256(file_hash.encode()).hexdigest()
    assert {bar.low: bar.count for bar in came_in.ratings if bar.count} == (
        rows["RatingOf5"].dropna().value_counts().to_dict()
    )
    statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(
        sample_run.artifact("StatisticsGen/statistics/*/Split-reviews/FeatureStats.pb").read_bytes()
    )
    stated = {feature.path.step[0]: feature for feature in statistics.datasets[0].features}
    for feature in came_in.features:
        found = stated[feature.name]
        numbers = found.HasField("num_stats")
        common = found.num_stats.common_stats if numbers else found.string_stats.common_stats
        assert (feature.present, feature.missing) == (common.num_non_missing, common.num_missing)
        if numbers:
            assert (feature.mean, feature.median) == (found.num_stats.mean, found.num_stats.median)
            assert [bar.count for bar in feature.bars] == [
                bucket.sample_count for bucket in found.num_stats.histograms[0].buckets
            ]
        else:
            assert feature.distinct == found.string_stats.unique
            first = [(value.value, value.frequency) for value in found.string_stats.top_values][: len(feature.top)]
            assert [(top.name, top.count) for top in feature.top] == first
    assert came_in.anomalies == ()
    assert not came_in.compared_with_last


def test_what_was_kept_is_what_is_in_the_splits(facts: RunFacts, interactions: pd.DataFrame) -> None:
    kept = facts.kept
    assert kept is not None
    train = interactions[interactions["split"] == features.TRAIN_SPLIT]
    assert kept.counts["kept_interactions"] == len(interactions)
    assert kept.counts["train_interactions"] == len(train)
    assert kept.counts["kept_users"] == interactions["user"].nunique()
    for bars, column in ((kept.books_of_readers, "user"), (kept.readers_of_books, "book")):
        sizes = train[column].value_counts()
        assert [bar.count for bar in bars] == [((sizes >= bar.low) & (sizes < bar.high)).sum() for bar in bars]
        assert sum(bar.count for bar in bars) == len(sizes)


def test_curves_and_recipe_are_trainers(sample_run: Run, facts: RunFacts) -> None:
    training = content(sample_run, "Trainer/model_run/*/training.json")
    trained = facts.trained
    assert trained is not None
    curves = [
        (trial.temperature, epoch.epoch, epoch.loss, epoch.recall) for trial in trained.trials for epoch in trial.epochs
    ]
    assert curves == [
        (trial["temperature"], epoch["epoch"], epoch["loss"], epoch["recall_at_20"])
        for trial in training["validation"]["trials"]
        for epoch in trial["epochs"]
    ]
    assert trained.recipe == training["recipe"]
    assert [trial.temperature for trial in trained.trials if trial.chosen] == [training["recipe"]["temperature"]]
    assert trained.validation_recall == training["validation"]["recall_at_20"]
    told = re.findall(r"epoch +(\d+)/\d+: loss ([\d.]+), validation Recall@20 ([\d.]+)", sample_run.output)
    assert told == [(str(epoch), f"{loss:.3f}", f"{recall:.4f}") for _, epoch, loss, recall in curves]


def numbers_of(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from numbers_of(value, (*path, name))
    elif isinstance(tree, int | float) and not isinstance(tree, bool):
        yield path, tree


def test_every_measured_number_is_in_the_facts_as_it_is_in_the_metrics(sample_run: Run, facts: RunFacts) -> None:
    metrics = content(sample_run, "RetrievalEvaluator/evaluation/*/metrics.json")
    evaluated = facts.evaluated
    assert evaluated is not None
    told: dict[tuple[str, ...], float] = {
        ("holdout_users",): evaluated.holdout_users,
        ("heldout_interactions",): evaluated.heldout_interactions,
    }
    for model in evaluated.models:
        for name, figure in model.figures.items():
            told |= {(model.name, name, end): value for end, value in figure.model_dump(exclude_none=True).items()}
    for table, unit, slices in (
        ("activity", "readers", evaluated.activity),
        ("popularity", "heldout_interactions", evaluated.popularity),
        ("genre", "heldout_interactions", evaluated.genres),
    ):
        for each in slices:
            for name, recall in (("model", each.recall), ("popularity", each.recall_of_popularity)):
                told[name, "slices", table, each.name, "recall_at_20"] = recall
                told[name, "slices", table, each.name, unit] = each.size
    assert told == dict(numbers_of(metrics))
    assert evaluated.served is None
    assert [check.model_dump() for check in facts.gates[0].checks] == metrics["checks"]


def test_serving_push_and_checks_are_what_the_version_and_the_terminal_say(sample_run: Run, facts: RunFacts) -> None:
    version = newest_version(sample_run.push_dir)
    note = json.loads((version / features.RELEASE_NOTE_FILE).read_text())
    assert facts.serving is not None
    assert facts.serving.model_dump(mode="json") == note["serving"]
    assert facts.pushed is not None
    assert (facts.pushed.version, facts.pushed.pushed_at) == (version.name, note["pushed_at"])
    assert Path(facts.pushed.destination) == version.resolve()
    assert facts.lineage.data_sha256 == note["data_sha256"]
    for gate in facts.gates:
        assert gate.passed
        for check in gate.checks:
            assert re.search(rf"^ +ok +{re.escape(check.what)} +{re.escape(check.found)}$", sample_run.output, re.M)


def test_steps_are_those_that_the_terminal_showed(sample_run: Run, facts: RunFacts) -> None:
    shown = {
        step: float(seconds)
        for step, seconds in re.findall(r"^\[[ \d]+/\d+\] (\w+): ([\d.]+) s$", sample_run.output, re.MULTILINE)
    }
    assert [step.name for step in facts.steps] == list(shown)
    for step in facts.steps:
        assert step.state == "done"
        assert step.seconds == pytest.approx(shown[step.name], abs=0.15)
        assert 200 < (step.peak_memory_mib or 0) < 20_000
    assert facts.seconds == pytest.approx(sum(shown.values()), rel=0.5)


def test_lineage_is_that_of_ml_metadata_and_of_the_model(sample_run: Run, facts: RunFacts) -> None:
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(sample_run.work_dir / "metadata.sqlite")
    store = MetadataStore(config)
    properties = {
        store.get_execution_types_by_id([execution.type_id])[0].name.rpartition(".")[2]: execution.custom_properties
        for execution in store.get_executions()
    }
    configuration = facts.lineage.configuration
    splitter = properties["InteractionSplitter"]
    assert configuration["split"] == {
        name: splitter[name].int_value or splitter[name].double_value for name in configuration["split"]
    }
    assert configuration["evaluation"] == json.loads(properties["RetrievalEvaluator"]["parameters"].string_value)
    trainer = content(sample_run, "Trainer/model_run/*/training.json")
    assert configuration["training"] == trainer["hyperparameters"]
    assert facts.lineage.pseudonym_key_id == trainer["pseudonym_key_id"]
    assert trainer["versions"].items() <= facts.lineage.versions.items()
    assert facts.lineage.seeds == {
        f"{group}.seed": configuration[group]["seed"] for group in ("split", "training", "evaluation", "tuning")
    }


def test_readers_are_those_of_the_splits_and_the_pushed_model_answers_the_same(
    sample_run: Run, facts: RunFacts, interactions: pd.DataFrame
) -> None:
    assert len(facts.readers) == 12
    assert Counter(reader.activity for reader in facts.readers) == {"few": 4, "some": 4, "many": 4}
    model = PushedModel(newest_version(sample_run.push_dir))
    genres: dict[str, list[str]] = defaultdict(list)
    for book, named in zip(interactions["book"], interactions["genres"], strict=True):
        genres[book] = genres[book] or named
    for reader in facts.readers:
        check_reader(reader, model, interactions[interactions["user"] == reader.user_id], genres)


def check_reader(reader: Reader, model: PushedModel, own: pd.DataFrame, genres: dict[str, list[str]]) -> None:
    [answer] = model.recommend([reader.user_id], len(reader.recommended))
    assert [(book.title, book.score) for book in reader.recommended] == [
        (book.isbn, pytest.approx(book.score, abs=1e-5)) for book in answer.books
    ]
    ratings = dict(zip(own["book"], own["rating"], strict=True))
    assert reader.books == len(ratings)
    assert not {book.title for book in reader.recommended} & set(ratings)
    for book in reader.read:
        assert book.rating == ratings[book.title] or (book.rating is None and pd.isna(ratings[book.title]))
    for book in (*reader.read, *reader.recommended):
        assert list(book.genres) == genres[book.title]
    shares = Counter(genre for title in ratings for genre in set(genres[title]))
    offered = {genre for book in reader.recommended for genre in book.genres}
    assert set(reader.shared_genres) == {genre for genre in offered if shares[genre] >= 0.2 * len(ratings)}


def test_the_card_beside_the_pushed_version_is_the_reports_and_has_its_figures(
    sample_run: Run, facts: RunFacts
) -> None:
    version = newest_version(sample_run.push_dir)
    for beside, own in (
        (features.MODEL_CARD_FILE, "model_card.json"),
        (features.MODEL_CARD_TEXT_FILE, "model_card.md"),
    ):
        assert (version / beside).read_bytes() == (sample_run.report / own).read_bytes()
    card = json.loads((version / features.MODEL_CARD_FILE).read_text(encoding="utf-8"))
    assert facts.evaluated is not None
    assert card["quantitative_analyses"]["overall"]["model"] == {
        name: figure.model_dump(exclude_none=True) for name, figure in facts.evaluated.models[0].figures.items()
    }
    assert card["model_details"]["run"] == facts.run_id
    assert card["training_data"]["content_sha256"] == facts.lineage.data_sha256


def test_a_run_that_fails_and_one_that_a_gate_of_the_data_stops_leave_a_report_and_the_index_has_all(
    run: Runner, tmp_path: Path
) -> None:
    data = tmp_path / "reviews.csv"
    data.write_text(HEADER + REVIEWS + "9,u,Book 1,five,\n")
    failed = run(data)
    assert failed.exit_code == 2
    facts = read_facts(str(failed.report))
    assert (facts.outcome, facts.failed_step, facts.came_in) == ("failed", "RatingsExampleGen", None)
    assert f"error: {facts.error}\n" == failed.errors

    data.write_text(HEADER + REVIEWS.replace(",5,", ",7,"))
    refused = run(data)
    assert refused.exit_code == 3
    facts = read_facts(str(refused.report))
    assert (facts.outcome, facts.failed_step, facts.kept) == ("refused", "DataGate", None)
    assert facts.came_in is not None
    assert [anomaly.feature for anomaly in facts.came_in.anomalies] == ["RatingOf5"]
    assert facts.came_in.anomalies[0].detail in refused.errors
    assert [step.name for step in facts.steps if step.state == "stopped"] == ["DataGate"]
    assert failed.report != refused.report

    index = report_index.write_index(run.work_dir.resolve() / "reports")
    for done in (failed, refused):
        assert f'href="{done.report.name}/index.html"' in index.read_text(encoding="utf-8")
