"""The benchmarks on data sets of a moment: what is held out, that the pushed model is asked, and what is measured."""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pytest
import tensorflow as tf
from rich.console import Console

from benchmarks import evaluation, quality, serving, size
from benchmarks.holdout import held_out, read_reviews, thinned
from benchmarks.scale import __main__ as scale
from benchmarks.scale import notebook, pandas_check, report
from benchmarks.scale.parts import CHECK, NOTEBOOK, PIPELINE, STOCK, Comparison
from benchmarks.scale.steps import Step, measured, steps_of_json, steps_of_log, told
from benchmarks.scale.watched_process import Sample, WatchedRun, watch
from components.parquet_examples import EXAMPLE_SCHEMA, part_path, part_writer
from data.synthetic.parameters import SyntheticParameters
from transform import features
from transform.pseudonyms import pseudonymise


def reviews(seed: int = 0, readers: int = 60) -> pd.DataFrame:
    """Readers of two tastes with 2 to 14 of the 60 books of their taste."""
    random = np.random.default_rng(seed)
    rows = [
        (f"reader {user}", f"book {2 * book + user % 2}", "4", "")
        for user in range(readers)
        for book in random.choice(60, 2 + user % 13, replace=False)
    ]
    return pd.DataFrame(rows, columns=["User", "ISBN", "RatingOf5", "Genres"])


def pairs(histories, holdout) -> set[tuple[str, str]]:
    return {
        (holdout.users[user], holdout.books[book])
        for user in range(len(holdout.users))
        for book in histories.books[histories.row_splits[user] : histories.row_splits[user + 1]]
    }


@pytest.mark.parametrize("seed", range(3))
def test_a_fifth_of_each_readers_books_is_held_out_and_nothing_is_lost(seed: int) -> None:
    every = reviews(seed)
    holdout = held_out(every, seed)
    sizes = every.groupby("User").size()
    kept = sizes[sizes >= 3]
    wanted = holdout.wanted.sizes() + holdout.unfindable
    for user, held in zip(holdout.users, wanted, strict=True):
        assert held == max(int(kept[user] * 0.2 + 1e-9), 1)
    assert len(holdout.users) == len(kept)
    training, found = pairs(holdout.training, holdout), pairs(holdout.wanted, holdout)
    assert not training & found
    assert len(training) + len(found) + holdout.unfindable.sum() == kept.sum()
    assert training == set(zip(holdout.reviews.User, holdout.reviews.ISBN, strict=True))


def test_thinning_keeps_so_many_books_at_most() -> None:
    thin = thinned(reviews(), 5, seed=1)
    assert thin.groupby("User").size().max() == 5
    assert thin.groupby("User").size().sum() == np.minimum(reviews().groupby("User").size(), 5).sum()


def test_the_last_review_of_a_reader_and_a_book_counts(tmp_path: Path) -> None:
    both = pd.concat([reviews(), reviews().assign(RatingOf5="1")])
    both.to_csv(tmp_path / "reviews.csv")
    read = read_reviews(tmp_path)
    assert len(read) == len(reviews())
    assert (read.RatingOf5 == "1").all()


def test_a_perfect_ranking_scores_1_and_unfindable_books_count_as_missed() -> None:
    holdout = held_out(reviews(), 0)
    wanted = holdout.wanted
    ranked = np.full((len(holdout.users), 100), -1)
    for user in range(len(holdout.users)):
        books = wanted.books[wanted.row_splits[user] : wanted.row_splits[user + 1]]
        ranked[user, : len(books)] = books
    found = holdout._replace(unfindable=np.zeros_like(holdout.unfindable))
    assert quality.scores(ranked, found)["recall_at_20"] == pytest.approx(1)
    missed = holdout._replace(unfindable=wanted.sizes())
    assert quality.scores(ranked, missed)["recall_at_20"] == pytest.approx(0.5)


@pytest.mark.e2e
@pytest.mark.timeout(1800)
def test_the_pushed_model_is_asked_and_stands_in_one_table_with_its_peers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews(readers=400).to_csv(tmp_path / "reviews.csv")
    out = tmp_path / "quality.json"
    arguments = ["--set", f"tastes={tmp_path / 'reviews.csv'}", "--seeds", "1", "--out", str(out)]
    flags = ["--training.max-epochs", "3", "--evaluation.min-slice-lift", "0"]
    assert quality.main([*arguments, "--peers", "popularity", "item_knn", "--", *flags]) == 0
    rows = {row["recommender"]: row for row in json.loads(out.read_text())}
    assert list(rows) == [quality.PUSHED, "popularity", "item_knn"]
    assert rows[quality.PUSHED]["recall_at_20"] > 1.3 * rows["popularity"]["recall_at_20"] > 0
    assert capsys.readouterr().out.count("| tastes |") == 3


@pytest.mark.e2e
def test_a_version_is_measured_beside_the_same_one_in_float32(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "size.json"
    assert size.main(["--reviews", "4000", "--users", "600", "--books", "300", "--out", str(out)]) == 0
    stored, floats = json.loads(out.read_text())
    assert (stored["vectors"], floats["vectors"], stored["width"]) == (size.STORED, size.FLOAT32, 256)
    assert 250 < stored["users"] < 600
    tables = 2 * stored["books"] * stored["width"] / 2**20
    assert floats["saved_model_mib"] - stored["saved_model_mib"] == pytest.approx((4 - 1.125) * tables, rel=0.05)
    assert floats["archive_mib"] > stored["archive_mib"] + 2 * tables
    assert stored["archive_with_twin_mib"] > stored["archive_mib"] + 0.7 * tables
    assert 0.98 < stored["top_100_in_common"] < floats["top_100_in_common"] == 1
    assert 0 < stored["resident_before_mib"] < stored["resident_mib"] <= stored["peak_mib"]
    printed = capsys.readouterr().out
    assert f"| {size.STORED} | {stored['archive_mib']:.1f} |" in printed
    assert f"| {size.FLOAT32} | {floats['archive_mib']:.1f} |" in printed


def test_searches_stand_in_one_table_with_their_ratio_to_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "serving.json"
    sizes = ["--books", "7000", "--embedding-dim", "8", "--batches", "1", "3", "--threads", "1"]
    assert serving.main([*sizes, "--seconds", "0", "--least-rounds", "2", "--out", str(out)]) == 0
    rows = json.loads(out.read_text())
    assert {(row["batch"], row["rounds"], row["books"]) for row in rows} == {(1, 2, 7000), (3, 2, 7000)}
    assert {row["competitor"] for row in rows} >= {serving.OURS, "TFRS BruteForce", "numpy argpartition"}
    exact = [row for row in rows if row["competitor"] in (serving.OURS, "TFRS BruteForce", "numpy argpartition")]
    assert min(row["recall_at_100"] for row in exact) > 0.99
    ours = {row["batch"]: row["median_ms"] for row in rows if row["competitor"] == serving.OURS}
    for row in rows:
        assert row["ratio_to_ours"] == pytest.approx(row["median_ms"] / ours[row["batch"]])
    printed = capsys.readouterr().out
    assert printed.count("| 7,000 | 1 |") == 2
    assert ("Skipped: FAISS IndexFlatIP: " in printed) == ("FAISS IndexFlatIP" not in {r["competitor"] for r in rows})


def test_books_of_one_centre_are_nearer_to_each_other_and_readers_to_their_centres() -> None:
    vectors, centre = serving.clustered(6_000, 64)
    cosines = vectors[:500] @ vectors.T
    same = centre[:500, np.newaxis] == centre
    same[np.arange(500), np.arange(500)] = False
    assert cosines[same].mean() == pytest.approx(0.5, abs=0.05)
    assert abs(cosines[:, 500:][~same[:, 500:]].mean()) < 0.01
    assert np.linalg.norm(serving.readers(vectors, centre, 5), axis=1) == pytest.approx(1)


def test_ranking_stands_beside_numpys_with_the_same_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "evaluation.json"
    sizes = ["--reviews", "4000", "--users", "600", "--books", "300", "--holdout-users", "100", "--embedding-dim", "8"]
    assert evaluation.main([*sizes, "--resamples", "20", "--rounds", "1", "--out", str(out)]) == 0
    ours, by_numpy = json.loads(out.read_text())
    assert (ours["ranker"], by_numpy["ranker"]) == (evaluation.OURS, evaluation.NUMPY)
    assert (ours["holdout_users"], ours["books"], ours["embedding_dim"], ours["rounds"]) == (100, 300, 8, 1)
    assert ours["same_places"] > 0.99
    assert (ours["ratio_to_ours"], by_numpy["ratio_to_ours"]) == (
        1,
        pytest.approx(by_numpy["ranking_seconds"] / ours["ranking_seconds"]),
    )
    for row in (ours, by_numpy):
        assert row["metrics_seconds"] > 0
        assert 0 < row["before_mib"] <= row["ranking_peak_mib"] <= row["peak_mib"]
    printed = capsys.readouterr().out
    assert printed.count("\n| ") == 3
    assert f"| {evaluation.NUMPY} | {by_numpy['ranking_seconds']:.1f} | {by_numpy['ratio_to_ours']:.2f} |" in printed


def test_readers_keep_books_to_learn_from_and_few_books_are_read_by_many() -> None:
    sizes = {"reviews": 40_000, "users": 6_000, "books": 3_000, "holdout_users": 500, "embedding_dim": 8, "seed": 1}
    made = evaluation.judged(argparse.Namespace(**sizes))
    kept, wanted = made.training.sizes()[made.users], made.wanted.sizes()[made.users]
    assert len(np.unique(made.users)) == 500
    assert kept.min() >= 1
    assert (wanted == np.maximum((0.2 * (kept + wanted) + 1e-9).astype(int), 1)).all()
    counts = np.sort(np.bincount(made.training.books, minlength=3_000))[::-1]
    assert counts[:300].sum() > counts[-1_500:].sum()


LOG = """\
2026-11-25 17:25:58,054 INFO absl: Component ReviewsFingerprint is running.
2026-11-25 17:25:58,100 INFO absl: Running launcher for node_info {
Component Transform is running.
2026-11-25 17:25:58,179 INFO absl: Component ReviewsFingerprint is finished.
2026-11-25 17:25:58,179 INFO absl: Component RatingsExampleGen is running.
2026-11-25 17:26:06,042 INFO absl: Component RatingsExampleGen is finished.
2026-11-25 17:26:06,043 INFO absl: Component StatisticsGen is running.
"""


def test_a_log_tells_which_steps_were_finished_and_when() -> None:
    steps = steps_of_log(LOG.splitlines(keepends=True))
    assert [step.name for step in steps] == ["ReviewsFingerprint", "RatingsExampleGen"]
    assert [step.ended - step.started for step in steps] == pytest.approx([0.125, 7.863], abs=1e-5)
    assert time.strftime("%F %T", time.localtime(steps[0].started)) == "2026-11-25 17:25:58"


def test_a_script_tells_of_its_steps_between_other_lines() -> None:
    steps = [Step("read_csv", 1.5, 2.25), Step("encode, filter", 2.25, 4)]
    assert steps_of_json(["Epoch 1/3", told(steps[0]), "{", told(steps[1])]) == steps


def test_a_step_gets_what_was_sampled_while_it_was_at_work() -> None:
    samples = [
        Sample(101, 0.5, 100, 110),
        Sample(102, 2, 300, 500),
        Sample(103, 1.5, 200, 900),  # A child has ended, and its parent has not heard of it.
        Sample(104, 4, 250, 260),
        Sample(105, 5, 0, 0),
    ]
    steps = [Step("first", 101, 103), Step("short", 103.6, 103.7)]
    start, first, short, end, whole = measured(steps, WatchedRun(100, 105, 0, samples), rows=1_000)
    assert [step["step"] for step in (start, first, short, end, whole)] == [
        "start, imports",
        "first",
        "short",
        "end",
        "whole",
    ]
    assert [step["seconds"] for step in (start, first, short, end, whole)] == pytest.approx([1, 2, 0.1, 1.3, 5])
    assert [step["cpu_seconds"] for step in (start, first, whole)] == pytest.approx([0.5, 1.5, 5])
    assert short["cpu_seconds"] == pytest.approx(0.2)
    assert end["cpu_seconds"] == pytest.approx(5 - 3.4)
    assert [step["peak_mib"] for step in (start, first, short, end, whole)] == [100, 300, 250, 250, 300]
    assert [step["peak_sum_mib"] for step in (start, first, short, end, whole)] == [110, 900, 260, 260, 900]
    assert (first["rows_per_second"], whole["rows_per_second"]) == (500, 200)


BUSY = """
import subprocess, sys, time
held = b"1" * (150 << 20)
if len(sys.argv) == 1:
    subprocess.run([sys.executable, sys.argv[0], "child"], check=True)
until = time.process_time() + 0.7
while time.process_time() < until:
    pass
print("done")
sys.exit(3 if len(sys.argv) == 1 else 0)
"""


def watched(folder: Path, program: str) -> WatchedRun:
    script = folder / "program.py"
    script.write_text(program)
    return watch(
        [sys.executable, str(script)],
        folder=folder,
        environment=dict(os.environ),
        output=folder / "output.txt",
        log=folder / "log.txt",
        interval=0.05,
    )


def test_a_watched_process_is_charged_for_its_children(tmp_path: Path) -> None:
    run = watched(tmp_path, BUSY)
    assert (run.exit_code, (tmp_path / "output.txt").read_text()) == (3, "done\ndone\n")
    assert 1.4 <= run.samples[-1].cpu_seconds <= run.ended - run.started + 0.5
    assert 1.2 <= max(sample.cpu_seconds for sample in run.samples[:-1]) <= run.samples[-1].cpu_seconds + 0.05
    assert 150 <= max(sample.largest_mib for sample in run.samples) < 300
    assert max(sample.sum_mib for sample in run.samples) >= 300


def test_a_watched_process_ends_with_its_children_when_the_watch_is_broken_off(tmp_path: Path) -> None:
    def give_up(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 1)
    try:
        with pytest.raises(TimeoutError):
            watched(
                tmp_path,
                "import subprocess, os\n"
                "child = subprocess.Popen(['sleep', '60'])\n"
                "print(os.getpid(), child.pid, flush=True)\n"
                "child.wait()\n",
            )
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    numbers = [int(number) for number in (tmp_path / "output.txt").read_text().split()]
    assert len(numbers) == 2
    deadline = time.monotonic() + 10
    while any(alive(number) for number in numbers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(number) for number in numbers)


def alive(number: int) -> bool:
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def of_scale(**flags: int | None) -> argparse.Namespace:
    return argparse.Namespace(**{"rows": scale.ROWS, "users": None, "books": None, "seed": 1, **flags})


def test_users_and_books_follow_from_the_rows_unless_they_are_given() -> None:
    assert scale.sizes(of_scale()).model_dump() == {"reviews": 1_733_561, "users": 706_880, "books": 57_186, "seed": 1}
    assert scale.sizes(of_scale(rows=17_335_610, books=600_000)).model_dump(exclude={"seed"}) == {
        "reviews": 17_335_610,
        "users": 7_068_800,
        "books": 600_000,
    }


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--rows", "100"], "--books 3"),
        (["--", "--work-dir=elsewhere"], "--work-dir=elsewhere"),
        (["--verbose"], "--v"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_runs(
    flags: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scale.main(["--folder", str(tmp_path / "scale"), "--out", str(tmp_path / "out.json"), *flags]) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_was_measured_is_kept_for_the_same_command_only(tmp_path: Path) -> None:
    reviews = SyntheticParameters(reviews=1_000, users=300, books=50)
    comparison = Comparison(tmp_path, reviews, ["--training.epochs", "2"])
    assert comparison.saved(PIPELINE) is None
    ran = [word for word in comparison.command(PIPELINE) if word != sys.executable]
    assert ran[:3] == ["local_runner.py", "--data", str(comparison.csv)]
    assert ran[-2:] == ["--training.epochs", "2"]
    result = {"command": comparison.command(PIPELINE), "steps": []}
    (comparison.folder / PIPELINE).mkdir(parents=True)
    (comparison.folder / PIPELINE / "result.json").write_text(json.dumps(result))
    assert comparison.saved(PIPELINE) == result
    assert Comparison(tmp_path, reviews, ["--training.epochs", "3"]).saved(PIPELINE) is None
    assert (
        Comparison(tmp_path, reviews.model_copy(update={"seed": 2}), ["--training.epochs", "2"]).saved(PIPELINE) is None
    )
    comparison.forget(PIPELINE)
    assert comparison.saved(PIPELINE) is None


def taken(step: str, seconds: float, cpu: float, peak: float, total: float) -> dict[str, object]:
    return {
        "step": step,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "peak_mib": peak,
        "peak_sum_mib": total,
        "rows_per_second": 5_000 / seconds if seconds else None,
    }


def test_parts_are_compared_as_a_whole_and_up_to_transform(capsys: pytest.CaptureFixture[str]) -> None:
    ours = [
        taken("start, imports", 10, 9, 5_000, 5_000),
        taken("RatingsExampleGen", 2, 3, 500, 700),
        taken("Transform", 3, 4, 800, 900),
        taken("Trainer", 35, 70, 2_000, 2_500),
        taken("whole", 50, 86, 5_000, 5_000),
    ]
    stock = [
        taken("start, imports", 20, 1, 1, 1),
        taken("CsvExampleGen", 30, 28, 1_000, 1_000),
        taken("Transform", 20, 21, 1_600, 1_800),
        taken("whole", 70, 50, 1_600, 1_800),
    ]
    script = [taken("fit", 80, 160, 3_000, 3_000), taken("whole", 200, 172, 2_500, 4_000)]
    parts = {PIPELINE: {"steps": ours}, NOTEBOOK: {"steps": script}, STOCK: {"steps": stock}}
    found = report.ratios(parts)
    assert [row["ratio"] for row in found if "notebook" in row["of"]] == [0.25, 0.5, 2, 1.25]
    up_to_transform = [(row["first"], row["second"], row["ratio"]) for row in found if "Transform" in row["of"]]
    assert up_to_transform == [(50, 5, 10), (49, 7, 7), (1_600, 800, 2), (1_800, 900, 2)]
    assert report.ratios({PIPELINE: parts[PIPELINE], CHECK: {"steps": []}}) == []
    console = Console(width=100, highlight=False)
    report.print_part(console, PIPELINE, {"steps": ours, "found": {"rows": 7, "same": True}}, 5_000)
    report.print_ratios(console, found)
    printed = [" ".join(line.strip(" │┃").replace("│", " ").split()) for line in capsys.readouterr().out.splitlines()]
    assert "this pipeline, 5,000 rows" in printed
    assert "Trainer 35.0 70.0 2,000 2,500 143" in printed
    assert "same: True" in printed
    assert "to Transform, stock / pipeline seconds 50.0 5.0 10.00" in printed


KEY = b"a key of sixteen bytes or more"

# Anna has three books, one of them reviewed twice; Ben three reviews of two books; Cleo three books; "NA" is a title.
REVIEWS = """\
,User,ISBN,RatingOf5,Genres
0,Anna,Emma,1,"['Fiction']"
1,Ben,Emma,2,
2,Anna,NA,,
3,Anna,"Him, Her",3,
4,Ben,Emma,2,
5,Ben,NA,2,
6,Anna,Emma,5,
7,Cleo,Emma,4,
8,Cleo,Ilse,4.5,
9,Cleo,NA,4,
"""
TRAIN = [("Anna", "NA", None), ("Anna", "Emma", 5.0), ("Cleo", "Emma", 4.0), ("Cleo", "Ilse", 4.5)]
HELD_OUT = [("Anna", "Him, Her", 3.0), ("Cleo", "NA", 4.0)]
USERS = [(2, "Anna"), (2, "Cleo")]
BOOKS = [(2, "Emma"), (1, "NA"), (1, "Ilse")]


def a_run(folder: Path, splits: dict[str, list], users: list, books: list) -> dict:
    """Writes what a run leaves behind. Returns how it compares with pandas."""
    examples = folder / "work" / "artifacts" / "InteractionSplitter" / "examples" / "12"
    for split, rows in splits.items():
        columns = {
            features.GENRES: [[] for _ in rows],
            features.ISBN: [[book.encode()] for _, book, _ in rows],
            features.RATING: [None if rating is None else [rating] for *_, rating in rows],
            features.USER: [[pseudonymise(user, KEY).encode()] for user, *_ in rows],
        }
        with part_writer(part_path(str(examples), split, 0, 1)) as writer:
            writer.write_table(pa.table(columns, schema=EXAMPLE_SCHEMA))
    assets = folder / "work" / "artifacts" / "Transform" / "transform_graph" / "13" / "transform_fn" / "assets"
    assets.mkdir(parents=True)
    hidden = [(count, pseudonymise(user, KEY)) for count, user in users]
    for name, counted in ((features.USER_VOCABULARY, hidden), (features.ISBN_VOCABULARY, books)):
        with tf.io.TFRecordWriter(str(assets / f"{name}.tfrecord.gz"), "GZIP") as writer:
            for count, token in counted:
                writer.write(f"{count} {token}".encode())
    (folder / "reviews.csv").write_text(REVIEWS)
    (folder / "key").write_bytes(KEY)
    return pandas_check.check(folder / "reviews.csv", folder / "work", folder / "key")


def test_pandas_finds_the_rows_and_vocabularies_of_a_right_run(tmp_path: Path) -> None:
    found = a_run(tmp_path, {"train": TRAIN, "eval": HELD_OUT}, USERS, BOOKS)
    assert found == {
        "rows": 6,
        "rows_of_pandas": 6,
        "rows_missing": 0,
        "rows_surplus": 0,
        "ratings_different": 0,
        "user_vocabulary": {"tokens": 2, "tokens_of_pandas": 2, "tokens_different": 0},
        "isbn_vocabulary": {"tokens": 3, "tokens_of_pandas": 3, "tokens_different": 0},
        "same": True,
    }


@pytest.mark.parametrize(
    ("train", "users", "books", "different"),
    [
        (TRAIN[1:], USERS, BOOKS, {"rows_missing": 1}),
        ([*TRAIN, ("Ben", "Emma", 2.0)], USERS, BOOKS, {"rows_surplus": 1}),
        ([*TRAIN, TRAIN[0]], USERS, BOOKS, {"rows_surplus": 1}),
        ([("Anna", "NA", None), ("Anna", "Emma", 1.0), *TRAIN[2:]], USERS, BOOKS, {"ratings_different": 1}),
        (TRAIN, [(3, "Anna"), (2, "Cleo")], BOOKS, {"user_vocabulary": 1}),
        (TRAIN, [*USERS, (1, "Ben")], BOOKS, {"user_vocabulary": 1}),
        (TRAIN, USERS, BOOKS[:2], {"isbn_vocabulary": 1}),
        (TRAIN, USERS, [*BOOKS, (1, "Him, Her")], {"isbn_vocabulary": 1}),
        (TRAIN, USERS, [*BOOKS, BOOKS[0]], {"isbn_vocabulary": 1}),
    ],
)
def test_pandas_finds_what_a_wrong_run_did(
    train: list, users: list, books: list, different: dict[str, int], tmp_path: Path
) -> None:
    found = a_run(tmp_path, {"train": train, "eval": HELD_OUT}, users, books)
    assert not found.pop("same")
    counts = {
        name: value["tokens_different"] if isinstance(value, dict) else value
        for name, value in found.items()
        if name not in ("rows", "rows_of_pandas")
    }
    assert {name: count for name, count in counts.items() if count} == different


def test_the_notebook_keeps_users_with_three_reviews_by_numbers() -> None:
    reviews = pd.DataFrame({"User": ["b", "a", "b", "c", "b", "c", "c", "a"], "ISBN": list("stuvwxyz")})
    kept = notebook.kept_reviews(reviews)
    assert list(zip(kept.User, kept.ISBN, strict=True)) == [
        ("1", "s"),
        ("1", "u"),
        ("2", "v"),
        ("1", "w"),
        ("2", "x"),
        ("2", "y"),
    ]


def test_the_notebook_learns_which_books_a_taste_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    every = reviews(readers=200)
    every.to_csv(tmp_path / "reviews.csv")
    index = tmp_path / "index"
    assert notebook.main(["--data", str(tmp_path / "reviews.csv"), "--out", str(index)]) == 0
    steps = steps_of_json(capsys.readouterr().out.splitlines())
    assert [step.name for step in steps] == ["read_csv", "encode, filter", "vocabularies", "fit", "index", "save"]
    sizes = every.groupby("User").size()
    numbers = [number for number, size in enumerate(sizes) if size >= 3]
    _, books = tf.saved_model.load(str(index))(tf.constant([str(number) for number in numbers]))
    tastes = np.array([[int(book.split()[1]) % 2 for book in row] for row in books.numpy().astype(str)])
    readers = np.array([int(sizes.index[number].split()[1]) % 2 for number in numbers])
    assert (tastes == readers[:, np.newaxis]).mean() > 0.9
