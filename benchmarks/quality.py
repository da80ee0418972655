"""Recommendation quality of the pushed model and of baselines: `make bench-quality ARGS="--set NAME=PATH"`.

For each data set and seed, a fifth of the books of each user with three or more is held out (at least one). The whole
pipeline runs on a CSV file of the other reviews, as a user would run it. The pushed model then recommends books to
every reader by its signature. Baselines are fitted on the same reviews, each tuned on validation users of the first
seed. All held-out books count, even those without a training review.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from benchmarks.baselines import models
from benchmarks.baselines.tuning import tuned_settings
from benchmarks.holdout import Holdout, held_out, read_reviews, thinned
from core.exit_codes import with_exit_code
from core.project import ROOT
from core.pseudonyms import KEY_VARIABLE, pseudonymise
from data.histories import Ids, as_matrix
from evaluation.metrics import hit_rate, mean, ndcg, recall
from evaluation.ranking import NO_BOOK, find_hits, rank
from registry.push_folder import newest_version
from storage.output_files import make_ready, telling
from transform import features

KEY: Final = "a key that protects nobody: the reviews are public"
PUSHED: Final = "readalike (pushed model)"
BASELINES: Final = ("popularity", "item_knn", "ease", "implicit_als")
BATCH_USERS: Final = 256
DEPTH: Final = 100


class DataSet(NamedTuple):
    """One data set of the table."""

    name: str
    path: Path
    most_books: int | None
    """Maximum number of books per user, drawn at random. None: all."""


@with_exit_code()
def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table, writes it as JSON, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.quality", description=__doc__)
    parser.add_argument(
        "--set",
        action="append",
        type=_data_set,
        dest="sets",
        metavar="NAME=PATH[@N]",
        help="a CSV of reviews; @N keeps N random books a reader; default: the bundled sample",
    )
    parser.add_argument("--seeds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--baselines", nargs="*", choices=BASELINES, default=BASELINES)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "quality.json", help="default: %(default)s")
    options, pipeline_flags = parser.parse_known_args(argv)
    make_ready("--out", options.out)
    sets = options.sets or [DataSet("sample", ROOT / "data" / "sample" / "reviews.csv.gz", None)]
    results = [
        row
        for data in sets
        for row in measure(
            data, range(options.seeds), options.baselines, [flag for flag in pipeline_flags if flag != "--"]
        )
    ]
    with telling("--out", options.out):
        options.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(table(results))
    return 0


def measure(
    data: DataSet, seeds: Sequence[int], baselines: Sequence[str], flags: Sequence[str]
) -> list[dict[str, Any]]:
    """Returns a row of metrics for each recommender and seed."""
    rows = []
    settings: dict[str, Any] = {}
    reviews = read_reviews(data.path)
    for seed in seeds:
        chosen = reviews if data.most_books is None else thinned(reviews, data.most_books, seed)
        holdout = held_out(chosen, seed)
        training, books = holdout.training, len(holdout.books)
        for name in (PUSHED, *baselines):
            started = time.monotonic()
            if name == PUSHED:
                ranked = ask_pushed_model(holdout, seed, flags)
            else:
                if name not in settings:
                    settings[name] = tuned_settings(name, training, books, seed)
                if settings[name] is None:
                    continue
                scorer = models.fit(name, as_matrix(training, books), settings[name], seed)
                ranked = rank(scorer, everyone(holdout), training, holdout.wanted, books, DEPTH).books
            row = {
                "set": data.name,
                "seed": seed,
                "readers": len(holdout.users),
                "books": books,
                "interactions": len(training.books),
                "recommender": name,
                "settings": settings.get(name),
                **scores(ranked, holdout),
                "seconds": time.monotonic() - started,
            }
            print(json.dumps(row), file=sys.stderr, flush=True)
            rows.append(row)
    return rows


def ask_pushed_model(holdout: Holdout, seed: int, flags: Sequence[str]) -> Ids:
    """Returns `[users, 100]`: recommendations of the model that the pipeline pushes; `NO_BOOK` where there is none."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        csv = Path(folder, "training.csv")
        holdout.reviews.to_csv(csv, index=False)
        command = [sys.executable, str(ROOT / "local_runner.py"), "--data", str(csv), "--work-dir", f"{folder}/work"]
        command += ["--push-dir", f"{folder}/push", "--split.min-reviews", "2", "--training.seed", str(seed), *flags]
        done = subprocess.run(
            command, env={**os.environ, KEY_VARIABLE: KEY}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        served = tf.saved_model.load(str(newest_version(Path(folder, "push"))))
        ask = served.signatures[features.SERVING_SIGNATURE]
        ids = {book: number for number, book in enumerate(holdout.books)}
        names = [pseudonymise(user, KEY.encode()) for user in holdout.users]
        answers = []
        for start in range(0, len(names), BATCH_USERS):
            answer = ask(**{features.SERVED_USER_ID: tf.constant(names[start : start + BATCH_USERS])})
            answers += [
                [ids.get(isbn.decode(), NO_BOOK) for isbn in row] for row in answer[features.SERVED_ISBN].numpy()
            ]
        return np.array(answers, np.int32)


def everyone(holdout: Holdout) -> Ids:
    """Returns `[users]`: the ids of all users."""
    return np.arange(len(holdout.users), dtype=np.int32)


def scores(ranked: Ids, holdout: Holdout) -> dict[str, float]:
    """Returns the metrics of a ranking `[users, 100]`."""
    hits = find_hits(ranked, everyone(holdout), holdout.wanted)
    relevant = holdout.wanted.sizes() + holdout.unfindable
    return {
        "recall_at_20": mean(recall(hits, relevant, 20)),
        "ndcg_at_20": mean(ndcg(hits, relevant, 20)),
        "hit_rate_at_10": mean(hit_rate(hits, relevant, 10)),
        "recall_at_100": mean(recall(hits, relevant, DEPTH)),
        "coverage_at_20": len(np.unique(ranked[:, :20][ranked[:, :20] >= 0])) / len(holdout.books),
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Returns a Markdown table: the mean over seeds ± half the range."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["set"], row["recommender"]].append(row)
    columns = ("recall_at_20", "ndcg_at_20", "hit_rate_at_10", "recall_at_100", "coverage_at_20")
    lines = ["| set | recommender | " + " | ".join(columns) + " |", "|---|---|" + "---|" * len(columns)]
    for (data, name), group in groups.items():
        cells = []
        for column in columns:
            values = [row[column] for row in group]
            cells.append(f"{np.mean(values):.4f} ± {(max(values) - min(values)) / 2:.4f}")
        lines.append(f"| {data} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _data_set(text: str) -> DataSet:
    name, _, rest = text.partition("=")
    path, _, most = rest.partition("@")
    if not name or not Path(path).exists():
        raise argparse.ArgumentTypeError(f"{text!r}: wanted NAME=PATH[@N], with a file or folder at PATH")
    return DataSet(name, Path(path), int(most) if most else None)


if __name__ == "__main__":
    sys.exit(main())
