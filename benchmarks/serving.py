"""Latency of a top-100 search, compared with other exact searches: `make bench-serving`.

Books are random vectors around 3,000 centres. A reader is the mean of a few books around two centres. Each number of
threads has its own process. In each round every competitor answers the same readers in turn, so that other load hits
all of them. The result is the median of the rounds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from core.exit_codes import with_exit_code
from core.project import ROOT
from storage.output_files import make_ready, telling
from trainer.export.quantised_table import stored

OURS: Final = "readalike"
PARTITIONED: Final = "readalike, partitioned"
# Minimum number of books for measuring the partitioned index.
PARTITIONED_BOOKS: Final = 1_000_000
K: Final = 100
CENTRES: Final = 3_000
BOOKS_OF_A_READER: Final = 8
TASTES_OF_A_READER: Final = 2
# Rows per numpy partition, because the indices alone take 8 bytes per book.
NUMPY_ROWS: Final = 64

Vectors = npt.NDArray[np.float32]
# [batch, embedding_dim] -> [batch, k] book ids
Search = Callable[[Vectors], npt.NDArray[Any]]


@with_exit_code()
def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table, writes it as JSON, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.serving", description=__doc__)
    parser.add_argument("--books", type=int, nargs="+", default=[56_669, 1_000_000], help="default: %(default)s")
    parser.add_argument("--embedding-dim", type=int, default=256, help="default: %(default)s")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 64, 512], help="default: %(default)s")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=20, help="for the rounds of a row; default: %(default)s")
    parser.add_argument("--least-rounds", type=int, default=3, help="however long they take; default: %(default)s")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "serving.json", help="default: %(default)s")
    parser.add_argument("--in-this-process", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    make_ready("--out", options.out)
    if options.in_this_process:
        results = [
            row
            for books in options.books
            for row in measure(
                books, options.embedding_dim, options.batches, options.threads[0], options.seconds, options.least_rounds
            )
        ]
    else:
        results = [row for threads in options.threads for row in _in_a_process(options, threads)]
        print(table(results))
    with telling("--out", options.out):
        options.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


def measure(
    books: int, embedding_dim: int, batches: Sequence[int], threads: int, seconds: float, least_rounds: int
) -> list[dict[str, Any]]:
    """Returns a row for each batch size and competitor.

    Args:
      books: number of books.
      embedding_dim: dimension of the vectors.
      batches: numbers of readers in a request.
      threads: threads of an operation. It cannot change in this process once TensorFlow has started.
      seconds: minimum duration of the rounds of a batch size.
      least_rounds: minimum number of rounds.
    """
    vectors, centre = clustered(books, embedding_dim)
    vectors = stored(vectors).restored()
    searches, skipped = competitors(vectors, threads)
    rows = []
    for batch in batches:
        queries = readers(vectors, centre, batch)
        answers = {name: search(queries) for name, search in searches.items()}
        found = {name: _share_found(answer, answers[OURS]) for name, answer in answers.items()}
        times: dict[str, list[float]] = defaultdict(list)
        started = time.monotonic()
        while len(times[OURS]) < least_rounds or time.monotonic() - started < seconds:
            for name, search in searches.items():
                before = time.perf_counter()
                search(queries)
                times[name].append(1e3 * (time.perf_counter() - before))
        ours = statistics.median(times[OURS])
        for name, taken in times.items():
            row = {
                "books": books,
                "embedding_dim": embedding_dim,
                "threads": threads,
                "batch": batch,
                "competitor": name,
                "median_ms": statistics.median(taken),
                "least_ms": min(taken),
                "rounds": len(taken),
                "ratio_to_ours": statistics.median(taken) / ours,
                "recall_at_100": found[name],
                "skipped": skipped,
            }
            print(json.dumps(row), file=sys.stderr, flush=True)
            rows.append(row)
    return rows


def clustered(books: int, embedding_dim: int, seed: int = 0) -> tuple[Vectors, npt.NDArray[Any]]:
    """Returns unit vectors `[books, embedding_dim]` and the centre of each book, `[books]`.

    Books are as far from their centre as centres from the origin, so books of one centre have a cosine of about 1/2.
    """
    random = np.random.default_rng(seed)
    centres = random.standard_normal((CENTRES, embedding_dim), dtype=np.float32)
    vectors = random.standard_normal((books, embedding_dim), dtype=np.float32)
    centre = random.integers(0, CENTRES, books)
    vectors += centres[centre]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, centre


def readers(vectors: Vectors, centre: npt.NDArray[Any], batch: int, seed: int = 1) -> Vectors:
    """Returns unit vectors `[batch, embedding_dim]`: each is the mean of 8 books of 2 random centres."""
    random = np.random.default_rng(seed)
    tastes = random.choice(np.unique(centre), (batch, TASTES_OF_A_READER))
    books = [
        random.choice(np.flatnonzero(np.isin(centre, tastes_of_one)), BOOKS_OF_A_READER) for tastes_of_one in tastes
    ]
    means = vectors[np.array(books)].mean(axis=1)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


def competitors(vectors: Vectors, threads: int) -> tuple[dict[str, Search], dict[str, str]]:
    """Returns the searches by name, each with its own copy of the vectors, and the reasons for skipped ones."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    import tensorflow_recommenders as tfrs

    from trainer.export.exact_index import ExactIndex
    from trainer.export.index import make_index
    from trainer.export.top_k import top_k
    from trainer.hyperparameters import Hyperparameters

    signature = [tf.TensorSpec([None, vectors.shape[1]])]
    index = ExactIndex(stored(vectors))
    ours = tf.function(lambda queries: top_k(index.scores(queries), K, len(vectors))[1], input_signature=signature)
    layer = tfrs.layers.factorized_top_k.BruteForce(k=K).index(tf.constant(vectors))
    brute = tf.function(lambda queries: layer(queries)[1], input_signature=signature)
    searches: dict[str, Search] = {}
    if len(vectors) >= PARTITIONED_BOOKS:
        cells = make_index(stored(vectors), Hyperparameters(index="partitioned"))
        partitioned = tf.function(
            lambda queries: top_k(cells.scores(queries), K, len(vectors))[1], input_signature=signature
        )
        searches[PARTITIONED] = lambda queries: partitioned(queries).numpy()
    searches |= {
        OURS: lambda queries: ours(queries).numpy(),
        "TFRS BruteForce": lambda queries: brute(queries).numpy(),
        "numpy argpartition": lambda queries: _by_numpy(vectors, queries),
    }
    try:
        import faiss
    except ImportError as error:
        return searches, {"FAISS IndexFlatIP": f"{error}; `make setup` installs faiss-cpu"}
    faiss.omp_set_num_threads(threads)
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    searches["FAISS IndexFlatIP"] = lambda queries: flat.search(queries, K)[1]
    return searches, {}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Returns a Markdown table: median milliseconds, with the ratio to this project's search in brackets."""
    names = list(dict.fromkeys(row["competitor"] for row in rows))
    lines = ["| books | threads | batch | " + " | ".join(names) + " |", "|---|---|---|" + "---|" * len(names)]
    groups: dict[tuple[int, int, int], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        groups[row["books"], row["threads"], row["batch"]][row["competitor"]] = row
    for (books, threads, batch), found in sorted(groups.items()):
        cells = [_cell(found[name]) if name in found else "" for name in names]
        lines.append(f"| {books:,} | {threads} | {batch} | " + " | ".join(cells) + " |")
    skipped = {name: reason for row in rows for name, reason in row["skipped"].items()}
    return "\n".join([*lines, *(f"\nSkipped: {name}: {reason}" for name, reason in skipped.items())])


def _cell(row: dict[str, Any]) -> str:
    text = f"{row['median_ms']:,.1f} ({row['ratio_to_ours']:.2f})"
    return text if row["competitor"] != PARTITIONED else f"{text}, recall {row['recall_at_100']:.3f}"


def _by_numpy(vectors: Vectors, queries: Vectors) -> npt.NDArray[Any]:
    found = []
    for start in range(0, len(queries), NUMPY_ROWS):
        scores = queries[start : start + NUMPY_ROWS] @ vectors.T
        best = np.argpartition(scores, -K, axis=1)[:, -K:]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        found.append(np.take_along_axis(best, order, axis=1))
    return np.concatenate(found)


def _share_found(found: npt.NDArray[Any], exact: npt.NDArray[Any]) -> float:
    return float(np.mean([len(np.intersect1d(*pair)) / exact.shape[1] for pair in zip(found, exact, strict=True)]))


def _in_a_process(options: argparse.Namespace, threads: int) -> list[dict[str, Any]]:
    part = options.out.with_suffix(f".{threads}.json")
    values = {"books": options.books, "embedding-dim": [options.embedding_dim], "batches": options.batches}
    values |= {"threads": [threads], "seconds": [options.seconds], "least-rounds": [options.least_rounds]}
    flags = [word for name, numbers in values.items() for word in (f"--{name}", *map(str, numbers))]
    command = [sys.executable, "-m", "benchmarks.serving", "--in-this-process", "--out", str(part), *flags]
    limits = {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "OPENBLAS", "MKL")}
    limits["OMP_WAIT_POLICY"] = "PASSIVE"  # Spinning threads after a search would slow the next competitor.
    subprocess.run(command, env={**os.environ, **limits}, cwd=ROOT, check=True)
    rows: list[dict[str, Any]] = json.loads(part.read_text(encoding="utf-8"))
    part.unlink()
    return rows


if __name__ == "__main__":
    sys.exit(main())
