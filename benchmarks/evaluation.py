"""Time and memory of evaluating a model, compared with a ranking by plain numpy: `make bench-evaluation`.

Reviews are synthetic, in the notebook's shape, and some users' books are held out. Towers and genres are random,
because their values do not affect the time. Ranking and metrics are RetrievalEvaluator's own code, for one model. Each
ranker runs in its own processes, so peak memory is its own. They take turns, so other load hits both. The result is the
median of the rounds.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from benchmarks.loading import memory_mib
from components.evaluation.holdout_scorer import HoldoutScorer
from core.exit_codes import with_exit_code
from core.project import ROOT
from data.histories import Histories, Ids, Interactions, as_matrix, group_by_user, row_entries, withheld
from data.synthetic import interactions as synthetic
from data.synthetic.parameters import SyntheticParameters
from evaluation.beyond_accuracy import Genres, genres_of_books
from evaluation.ranking import BLOCK_SCORES, Rankings, find_hits, rank
from evaluation.report_metrics import CUTOFFS, Surroundings, measure
from storage.output_files import make_ready, telling
from trainer.export.holdout_model import HoldoutModel
from trainer.models.towers import SHORTEST, BookTowers

OURS: Final = "readalike"
NUMPY: Final = "numpy argpartition"
DEPTH: Final = max(CUTOFFS)
LEAST_REVIEWS: Final = 3
HOLDOUT_SHARE: Final = 0.2
GENRES: Final = 500
MOST_GENRES: Final = 5
SIZES: Final = ("reviews", "users", "books", "holdout_users", "embedding_dim", "resamples", "seed")
MEASURED: Final = ("ranking_seconds", "metrics_seconds", "before_mib", "ranking_peak_mib", "peak_mib")


class Judged(NamedTuple):
    """Input of an evaluation: the hold-out users, their histories, the towers and the genres."""

    users: Ids
    training: Histories
    wanted: Histories
    towers: BookTowers
    genres: Genres


@with_exit_code()
def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table, writes it as JSON, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.evaluation", description=__doc__)
    parser.add_argument("--reviews", type=int, default=1_733_561, help="default: %(default)s")
    parser.add_argument("--users", type=int, default=706_880, help="default: %(default)s")
    parser.add_argument("--books", type=int, default=57_000, help="default: %(default)s")
    parser.add_argument("--holdout-users", type=int, default=20_000, help="default: %(default)s")
    parser.add_argument("--embedding-dim", type=int, default=256, help="default: %(default)s")
    parser.add_argument("--resamples", type=int, default=1_000, help="of the bootstrap; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "evaluation.json", help="default: %(default)s")
    parser.add_argument("--in-this-process", choices=(OURS, NUMPY), help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    make_ready("--out", options.out)
    if options.in_this_process:
        found = evaluate(options.in_this_process, judged(options), options.resamples, options.seed, options.out)
        print(json.dumps(found))
        return 0
    rows = compare(options)
    with telling("--out", options.out):
        options.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(table(rows))
    return 0


def judged(options: argparse.Namespace) -> Judged:
    """Returns synthetic users and histories, random towers, and genres of which few are large."""
    reviews = SyntheticParameters(reviews=options.reviews, users=options.users, books=options.books, seed=options.seed)
    made_up = synthetic.Interactions(reviews)
    pairs = np.unique(made_up.user.astype(np.int64) * reviews.books + made_up.book)
    user, book = pairs // reviews.books, pairs % reviews.books
    kept = np.bincount(user)[user] >= LEAST_REVIEWS
    readers, user = np.unique(user[kept], return_inverse=True)
    histories = group_by_user(Interactions(user.astype(np.int32), book[kept].astype(np.int32)), len(readers))
    random = np.random.default_rng(options.seed)
    held_out = random.choice(len(readers), min(options.holdout_users, len(readers)), replace=False)
    users = np.sort(held_out).astype(np.int32)
    training, wanted = withheld(histories, users, HOLDOUT_SHARE, options.seed)
    query, candidate = random.standard_normal((2, options.books, options.embedding_dim), dtype=np.float32)
    candidate /= np.linalg.norm(candidate, axis=1, keepdims=True)
    # The n-th genre has about 1 / n as many books as the first.
    names = np.floor(GENRES ** random.random((options.books, MOST_GENRES))).astype(int)
    counts = random.integers(1, MOST_GENRES, options.books, endpoint=True)
    lists = [[f"genre {name}" for name in row[:count]] for row, count in zip(names, counts, strict=True)]
    genres = genres_of_books(range(options.books), lists, options.books)
    return Judged(users, training, wanted, BookTowers(query, candidate), genres)


def evaluate(ranker: str, made: Judged, resamples: int, seed: int, out: Path) -> dict[str, Any]:
    """Ranks all books and computes the metrics.

    Args:
      ranker: `OURS` or `NUMPY`.
      made: the input.
      resamples: number of bootstrap resamples.
      seed: seed of the bootstrap.
      out: file for the ranked books, as a numpy array.

    Returns:
      The sizes of the input, seconds of ranking and of metrics, and the peak memory in MiB before, after the ranking,
      and after both.
    """
    books = len(made.towers.query_table)
    ranked_by = prepared(ranker, made)
    counts = np.bincount(made.training.books, minlength=books)
    before, started = memory_mib("VmHWM"), time.monotonic()
    rankings = ranked_by()
    ranked, ranking_peak = time.monotonic(), memory_mib("VmHWM")
    measure(rankings, Surroundings(made.training, made.wanted, counts, made.genres), resamples, seed)
    measured = time.monotonic()
    with out.open("wb") as file:
        np.save(file, rankings.books)
    taken = (ranked - started, measured - ranked, before, ranking_peak, memory_mib("VmHWM"))
    shape = {"holdout_users": len(made.users), "books": books, "embedding_dim": made.towers.query_table.shape[1]}
    return {**shape, "interactions": len(made.training.books), **dict(zip(MEASURED, taken, strict=True))}


def prepared(ranker: str, made: Judged) -> Callable[[], Rankings]:
    """Returns the ranking function, with the setup that a run does once already done."""
    if ranker == NUMPY:
        return lambda: rank_by_numpy(made)
    books = len(made.towers.query_table)
    tokens = [str(book).encode() for book in range(books)]
    model = HoldoutScorer(HoldoutModel(made.towers, tokens, np.zeros(0, np.uint32)), tokens, made.training)
    return lambda: rank(model.scores, made.users, made.training, made.wanted, books, DEPTH)


def rank_by_numpy(made: Judged) -> Rankings:
    """Ranks like `evaluation.ranking.rank`, with the same block size, by numpy and SciPy only."""
    books = len(made.towers.query_table)
    read, size = as_matrix(made.training, books), max(BLOCK_SCORES // books, 1)
    ranked, hits = [], []
    for start in range(0, len(made.users), size):
        block = made.users[start : start + size]
        vectors = read[block] @ made.towers.query_table
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), SHORTEST)
        scores = vectors @ made.towers.candidate_table.T
        scores[row_entries(made.training, block)] = -np.inf
        best = np.argpartition(scores, -DEPTH, axis=1)[:, -DEPTH:]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        ranked.append(np.take_along_axis(best, order, axis=1).astype(np.int32))
        hits.append(find_hits(ranked[-1], block, made.wanted))
    return Rankings(made.users, np.concatenate(ranked), np.concatenate(hits), made.wanted.sizes()[made.users])


def compare(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Returns a row for each ranker: the medians of the rounds, and the share of equal places."""
    found: dict[str, list[dict[str, Any]]] = {OURS: [], NUMPY: []}
    with tempfile.TemporaryDirectory() as folder:
        files = {ranker: Path(folder) / f"{place}.npy" for place, ranker in enumerate(found)}
        for _ in range(options.rounds):
            for ranker, results in found.items():
                results.append(_in_a_process(options, ranker, files[ranker]))
                print(json.dumps({"ranker": ranker, **results[-1]}), file=sys.stderr, flush=True)
        ours, theirs = (np.load(files[ranker]) for ranker in found)
    rows = [
        {
            "ranker": ranker,
            **results[0],
            **{name: statistics.median(result[name] for result in results) for name in MEASURED},
            "rounds": len(results),
            "same_places": float((ours == theirs).mean()),
        }
        for ranker, results in found.items()
    ]
    return [{**row, "ratio_to_ours": row["ranking_seconds"] / rows[0]["ranking_seconds"]} for row in rows]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Returns the results as a Markdown table."""
    first = rows[0]
    lines = [
        f"{first['holdout_users']:,} hold-out readers, {first['books']:,} books, {first['interactions']:,} training "
        f"interactions, vectors of {first['embedding_dim']}; {first['same_places']:.2%} of the places alike",
        "",
        "| ranking by | ranking, s | ratio | metrics and intervals, s | peak before, MiB | ranking's | whole |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['ranker']} | {row['ranking_seconds']:.1f} | {row['ratio_to_ours']:.2f} | {row['metrics_seconds']:.1f} "
        f"| {row['before_mib']:,.0f} | {row['ranking_peak_mib']:,.0f} | {row['peak_mib']:,.0f} |"
        for row in rows
    ]
    return "\n".join(lines)


def _in_a_process(options: argparse.Namespace, ranker: str, out: Path) -> dict[str, Any]:
    flags = [f"--{name.replace('_', '-')}={getattr(options, name)}" for name in SIZES]
    command = [sys.executable, "-m", "benchmarks.evaluation", "--in-this-process", ranker, "--out", str(out), *flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-4000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
