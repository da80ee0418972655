"""Size and loading of a version, with vectors of 8 bits as exported and in float32: `make bench-size`.

Reviews are synthetic, in the notebook's shape. The trainer's own code fits a model with a sparse part for one epoch,
because the values of the vectors do not affect their size. Both versions are archived, and a separate process loads
each as a server does. The hold-out model, which no server loads, has 8 bits in both.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf

from core.exit_codes import with_exit_code
from core.progress import tell
from core.project import ROOT
from core.pseudonyms import pseudonymise
from data.histories import Histories, Interactions, group_by_user
from data.synthetic import interactions as synthetic
from data.synthetic.books import book_titles
from data.synthetic.names import user_names
from data.synthetic.parameters import SyntheticParameters
from registry import archive
from serving.probe import ServedModel
from storage.output_files import make_ready, telling
from trainer.export.exact_index import ExactIndex
from trainer.export.holdout_model import HoldoutModel, hash_interactions
from trainer.export.quantised_table import stored
from trainer.export.recommender import Recommender
from trainer.export.saved_model import export
from trainer.fitting.schedule import Schedule
from trainer.hyperparameters import Hyperparameters
from trainer.models.neighbour_slim import Settings
from trainer.models.popularity import Popularity, popularity_for_strangers
from trainer.models.towers import BookTowers, Table
from trainer.selection.model_configuration import BlendWeights, ModelConfiguration, fit
from transform import features
from transform.vocabulary import Vocabulary

KEY: Final = b"a key that protects nobody: the readers are made up"
MIB: Final = 1 << 20
LEAST_REVIEWS: Final = 3
STORED: Final = "8 bits"
FLOAT32: Final = "float32"
BATCH_USERS: Final = 512
COMPARED_USERS: Final = 300
# The largest model that model selection can choose.
CONFIGURATION: Final = ModelConfiguration(
    Schedule(BATCH_USERS, 1), 0.1, 1, BlendWeights(1, 0.5, 1), regression_settings=Settings(20, 20.0), compressed=False
)


class Float32Index(ExactIndex):
    """`ExactIndex` with a float32 table in its checkpoint."""

    def __init__(self, candidate_table: Table):
        """Builds the index from book vectors `[books, embedding_dim]`."""
        super().__init__(stored(candidate_table))
        padded = np.pad(candidate_table.T, [(0, 0), (0, self.width - len(candidate_table))])
        self._table = tf.Variable(padded, trainable=False, name="candidate_floats")


class Float32Recommender(Recommender):
    """`Recommender` with float32 tables in its checkpoint."""

    def __init__(
        self,
        user_file: str,
        users: list[bytes],
        books: list[bytes],
        towers: BookTowers,
        histories: Histories,
        popularity: Popularity,
        top_k: int,
    ):
        """Takes the arguments of `Recommender` except the index."""
        index = Float32Index(towers.candidate_table)
        super().__init__(user_file, users, books, towers, histories, popularity, top_k, index)
        self._query_table = tf.Variable(towers.query_table, trainable=False, name="query_floats")


@with_exit_code()
def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table, writes it as JSON, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.size", description=__doc__)
    parser.add_argument("--reviews", type=int, default=1_733_561, help="default: %(default)s")
    parser.add_argument("--users", type=int, default=706_880, help="default: %(default)s")
    parser.add_argument("--books", type=int, default=57_186, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "size.json", help="default: %(default)s")
    options = parser.parse_args(argv)
    make_ready("--out", options.out)
    reviews = SyntheticParameters(reviews=options.reviews, users=options.users, books=options.books, seed=options.seed)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(reviews, Path(folder))
    with telling("--out", options.out):
        options.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(table(rows))
    return 0


def measure(reviews: SyntheticParameters, folder: Path) -> list[dict[str, Any]]:
    """Returns a row for each storage of the vectors.

    Args:
      reviews: sizes and seed of the synthetic reviews.
      folder: folder for versions and archives.
    """
    users, books, histories, pairs = readers_and_books(reviews)
    parameters = Hyperparameters()
    towers = fit(histories, len(books), CONFIGURATION, parameters)
    popularity = popularity_for_strangers(histories, len(books))
    holdout_model = HoldoutModel(
        towers, books.tokens, np.sort(hash_interactions(users.tokens, books.tokens, pairs)), popularity
    )
    at_8_bits, floats = folder / "stored" / "1", folder / "float32" / "1"
    tell("exporting")
    export(towers, holdout_model, users, books, histories, parameters, {}, str(at_8_bits))
    shutil.copytree(at_8_bits / "assets.extra", floats / "assets.extra")
    with tempfile.TemporaryDirectory() as temporary:
        user_file = shutil.copy(at_8_bits / "assets" / f"{features.USER_VOCABULARY}.txt", temporary)
        recommender = Float32Recommender(
            user_file, users.tokens, books.tokens, towers, histories, popularity, parameters.top_k
        )
        tf.saved_model.save(recommender, str(floats), signatures=recommender.signatures())
    del recommender, towers, holdout_model
    asked = users.tokens[:: max(len(users) // COMPARED_USERS, 1)][:COMPARED_USERS]
    answers = {name: best_books(version, asked) for name, version in ((STORED, at_8_bits), (FLOAT32, floats))}
    shape = {"users": len(users), "books": len(books), "interactions": len(pairs), "width": parameters.embedding_dim}
    return [
        {
            "vectors": name,
            **shape,
            **sizes(version, folder),
            **load_in_a_process(version),
            "top_100_in_common": in_common(answers[name], answers[FLOAT32]),
        }
        for name, version in ((STORED, at_8_bits), (FLOAT32, floats))
    ]


def readers_and_books(reviews: SyntheticParameters) -> tuple[Vocabulary, Vocabulary, Histories, Interactions]:
    """Returns users with three reviews or more as pseudonyms, their books, the histories and the interactions."""
    tell("making reviews up")
    made_up = synthetic.Interactions(reviews)
    pairs = np.unique(made_up.user.astype(np.int64) * reviews.books + made_up.book)
    user, book = pairs // reviews.books, pairs % reviews.books
    kept = np.bincount(user)[user] >= LEAST_REVIEWS
    readers, user = np.unique(user[kept], return_inverse=True)
    titles, book = np.unique(book[kept], return_inverse=True)
    names = user_names(reviews.users, reviews.seed).take(readers).to_pylist()
    every_title = [title.encode() for title in book_titles(reviews)]
    found = Interactions(user.astype(np.int32), book.astype(np.int32))
    return (
        Vocabulary([pseudonymise(name, KEY).encode() for name in names], np.bincount(user)),
        Vocabulary([every_title[title] for title in titles], np.bincount(book)),
        group_by_user(found, len(readers)),
        found,
    )


def sizes(version: Path, folder: Path) -> dict[str, float]:
    """Returns MiB of the archive without and with the hold-out model, and of the files that a server reads."""
    found = {}
    for name, holdout_model in (("archive_mib", False), ("archive_with_twin_mib", True)):
        archive.make(version, folder / "model.zip", holdout_model=holdout_model)
        found[name] = (folder / "model.zip").stat().st_size / MIB
    served = [file for file in version.rglob("*") if file.is_file() and file.parent.name != "assets.extra"]
    return {**found, "saved_model_mib": sum(file.stat().st_size for file in served) / MIB}


def load_in_a_process(version: Path) -> dict[str, float]:
    """Returns the result of `benchmarks.loading` from a separate process."""
    command = [sys.executable, "-m", "benchmarks.loading", str(version)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-4000:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def best_books(version: Path, users: Sequence[bytes]) -> list[list[bytes]]:
    """Returns the recommendations of a version for each of `users`."""
    model = ServedModel(version)
    answers: list[list[bytes]] = []
    for start in range(0, len(users), 50):
        asked = {features.SERVED_USER_ID: list(users[start : start + 50])}
        answers += model.ask(features.SERVING_SIGNATURE, asked)[features.SERVED_ISBN].tolist()
    return answers


def in_common(answers: list[list[bytes]], others: list[list[bytes]]) -> float:
    """Returns the mean share of an answer's books that are also in the other answer."""
    return float(
        np.mean([len(set(ours) & set(theirs)) / len(set(ours)) for ours, theirs in zip(answers, others, strict=True)])
    )


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Returns the results as a Markdown table."""
    columns = {
        "archive_mib": "archive, MiB",
        "archive_with_twin_mib": "with the hold-out model",
        "saved_model_mib": "SavedModel, MiB",
        "load_seconds": "load, s",
        "resident_before_mib": "memory before, MiB",
        "resident_mib": "after",
        "peak_mib": "peak",
        "top_100_in_common": "top 100 in common",
    }
    first = rows[0]
    lines = [
        f"{first['users']:,} users, {first['books']:,} books, {first['interactions']:,} interactions, "
        f"vectors of {first['width']}",
        "",
        "| vectors | " + " | ".join(columns.values()) + " |",
        "|---|" + "---|" * len(columns),
    ]
    lines += [
        f"| {row['vectors']} | "
        + " | ".join(f"{row[name]:.4f}" if name == "top_100_in_common" else f"{row[name]:.1f}" for name in columns)
        + " |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
