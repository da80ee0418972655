"""InteractionSplitter: turns accepted reviews into interactions for training and evaluation."""

import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tfx import v1 as tfx

from components.artifacts import parquet_examples
from components.splitting.packed_table import pack, unpack
from components.splitting.rules import EVERY_USER, KeptInteractions, held_out, keep_interactions, smallest_user_hashes
from components.splitting.split_parameters import SplitParameters
from core.errors import DataError
from core.progress import advance, tell
from data.example_schema import EXAMPLE_SCHEMA, scalar_column
from transform import features

ROWS_A_SHARD: Final = 1_000_000
SPLITS: Final = (features.TRAIN_SPLIT, features.EVAL_SPLIT)

# File number, row group number within the file, and packed table.
PlacedTable = tuple[int, int, bytes]


@tfx.dsl.components.component(use_beam=True)
def InteractionSplitter(  # noqa: N802 (components are nouns)
    reviews: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    gate: tfx.dsl.components.Parameter[str],
    examples: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.Examples],
    min_reviews: tfx.dsl.components.Parameter[int],
    holdout_share: tfx.dsl.components.Parameter[float],
    max_holdout_users: tfx.dsl.components.Parameter[int],
    max_unseen_share: tfx.dsl.components.Parameter[float],
    seed: tfx.dsl.components.Parameter[int],
    beam_pipeline: tfx.dsl.components.BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Drops duplicates and users with few books, and holds some interactions out, as `SplitParameters` describes.

    Args:
      reviews: the reviews.
      gate: DataGate's output, which makes this component run after it.
      examples: the interactions, in the splits `train` and `eval`.
      min_reviews: see `SplitParameters`, as for the next four.
      holdout_share: see there.
      max_holdout_users: see there.
      max_unseen_share: see there.
      seed: see there.
      beam_pipeline: given by TFX.

    Raises:
      DataError: too few interactions are left to train on, or they are too sparse.
    """
    del gate
    parameters = SplitParameters(
        min_reviews=min_reviews,
        holdout_share=holdout_share,
        max_holdout_users=max_holdout_users,
        max_unseen_share=max_unseen_share,
        seed=seed,
    )
    counts = split_interactions(beam_pipeline, reviews.uri, examples.uri, parameters)
    for line in describe_counts(counts):
        tell(line)
    check_counts(counts, parameters)
    parquet_examples.describe(examples, SPLITS)
    for name, value in counts.items():
        examples.set_int_custom_property(name, value)
    for name in (features.CONTENT_SHA256, features.PSEUDONYM_KEY_ID):
        examples.set_string_custom_property(name, reviews.get_string_custom_property(name))


def split_interactions(
    pipeline: beam.Pipeline, reviews_uri: str, examples_uri: str, parameters: SplitParameters
) -> dict[str, int]:
    """Runs `pipeline`, which reads the reviews and writes the splits, and returns the counts."""
    paths = parquet_examples.part_paths(reviews_uri, features.REVIEWS_SPLIT)
    rows = parquet_examples.count_rows(paths)
    shards = 1 + rows // ROWS_A_SHARD
    counts_path = f"{examples_uri}/counts.json"
    with pipeline:
        kept = (
            pipeline
            | "Files" >> beam.Create(list(enumerate(paths)), reshuffle=True)
            | "Read" >> beam.FlatMap(_read_by_shard, shards, rows)
            | "AllShards" >> _WithEveryShard(shards)
            | "GroupByShard" >> beam.GroupByKey()
            | "Keep" >> beam.Map(_keep, parameters.min_reviews, shards)
        )
        beyond_cap = parameters.max_holdout_users + 1  # One above the cap, to detect whether it is exceeded.
        threshold = (
            kept
            | "UserHashes" >> beam.MapTuple(lambda _, shard: smallest_user_hashes(shard, parameters.seed, beyond_cap))
            | "AllHashes" >> beam.combiners.ToList()
            | "Threshold" >> beam.Map(_threshold, parameters.max_holdout_users)
        )
        _ = (
            kept
            | "Split" >> beam.Map(_write_shard, parameters, beam.pvalue.AsSingleton(threshold), examples_uri, shards)
            | "AllCounts" >> beam.combiners.ToList()
            | "WriteCounts" >> beam.Map(_write_counts, counts_path)
        )
    with parquet_examples.open_file(counts_path) as file:
        return json.loads(file.read())


def describe_counts(counts: dict[str, int]) -> Iterator[str]:
    """Yields the counts as lines, one count a line."""
    for label, name in (
        ("reviews", "reviews"),
        ("unique users", "users"),
        ("unique books", "books"),
        ("positive (> 3)", "positive"),
        ("moderate (= 3)", "moderate"),
        ("negative (< 3)", "negative"),
        ("unrated", "unrated"),
        ("duplicates removed", "duplicates"),
        ("kept users", "kept_users"),
        ("kept books", "kept_books"),
        ("kept interactions", "kept_interactions"),
        ("train interactions", "train_interactions"),
        ("held-out interactions", "eval_interactions"),
        ("held out, never seen", "unseen_interactions"),
        ("hold-out users", "eval_users"),
    ):
        yield f"{label:<21} {counts[name]:>13,}"


def check_counts(counts: dict[str, int], parameters: SplitParameters) -> None:
    """Raises DataError if no user was kept, or if training sees too few of the held-out books."""
    if counts["kept_users"] > 0:
        _check_density(counts, parameters)
        return
    most = counts["most_books_of_a_user"]
    remedy = f"Lower --split.min-reviews to {most} or less" if most >= 2 else "Every user needs 2 at least"
    raise DataError(
        f"No user has --split.min-reviews {parameters.min_reviews} different books: of {counts['users']:,} users the "
        f"most active one has {most:,}. {remedy}, or bring more reviews."
    )


def _check_density(counts: dict[str, int], parameters: SplitParameters) -> None:
    unseen, heldout = counts["unseen_interactions"], counts["eval_interactions"]
    if unseen <= parameters.max_unseen_share * heldout:
        return
    readers, reviews, books = (counts[f"kept_{name}"] for name in ("users", "interactions", "books"))
    raise DataError(
        f"The reviews are too sparse to learn from: {unseen:,} of {heldout:,} held-out books ({unseen / heldout:.0%}) "
        "are in nobody's training reviews, more than --split.max-unseen-share "
        f"{parameters.max_unseen_share:g} allows. {readers:,} readers have {reviews:,} reviews of {books:,} books: "
        f"{reviews / books:.1f} a book. Bring more reviews of the same books, see that one book has one ISBN in all "
        "reviews, leave readers of few books out by a higher --split.min-reviews (it is "
        f"{parameters.min_reviews}), or hold less out by a lower --split.holdout-share (it is "
        f"{parameters.holdout_share:g})."
    )


class _WithEveryShard(beam.PTransform):
    """Adds an empty table to every shard, so that a shard without users writes its files too."""

    def __init__(self, shards: int):
        super().__init__()
        self._shards = shards

    def expand(self, tables: beam.PCollection) -> beam.PCollection:
        nothing = pack(EXAMPLE_SCHEMA.empty_table())
        empty = [(shard, (-1, -1, nothing)) for shard in range(self._shards)]
        return (tables, tables.pipeline | "Empty" >> beam.Create(empty)) | beam.Flatten()


def _read_by_shard(file: tuple[int, str], shards: int, rows: int) -> Iterator[tuple[int, PlacedTable]]:
    number, path = file
    for group, table in enumerate(parquet_examples.read_row_groups(path)):
        advance("reading", rows, "reviews", len(table))
        user = scalar_column(table, features.USER).dictionary_encode()
        names = user.dictionary.to_numpy(zero_copy_only=False)
        shard_of_user = np.fromiter(map(zlib.crc32, names), np.int64, len(names)) % shards
        shard_of_row = shard_of_user[np.asarray(user.indices)]
        for shard in np.unique(shard_of_row):
            yield int(shard), (number, group, pack(table.filter(pa.array(shard_of_row == shard))))


def _keep(grouped: tuple[int, Iterable[PlacedTable]], min_reviews: int, shards: int) -> tuple[int, KeptInteractions]:
    shard, tables = grouped
    in_order = sorted(tables, key=lambda placed: placed[:2])
    reviews = pa.concat_tables([unpack(packed) for _, _, packed in in_order]).combine_chunks()
    kept = keep_interactions(reviews, min_reviews)
    advance("dropping duplicates and users with few books", shards, "shards", 1)
    return shard, kept


def _threshold(hashes: list[np.ndarray], max_users: int) -> int:
    """Returns the threshold: a user whose hash is at most this is a hold-out user."""
    smallest = np.sort(np.concatenate(hashes))
    return int(EVERY_USER) if len(smallest) <= max_users else int(smallest[max_users - 1])


def _write_shard(
    shard_of_users: tuple[int, KeptInteractions],
    parameters: SplitParameters,
    threshold: int,
    examples_uri: str,
    shards: int,
) -> dict[str, Any]:
    """Writes one file per split and returns the shard's counts."""
    shard, kept = shard_of_users
    mask = held_out(kept, parameters, threshold)
    for split, rows in ((features.TRAIN_SPLIT, ~mask), (features.EVAL_SPLIT, mask)):
        with parquet_examples.part_writer(parquet_examples.part_path(examples_uri, split, shard, shards)) as writer:
            writer.write_table(kept.table.filter(pa.array(rows)), row_group_size=parquet_examples.ROW_GROUP_ROWS)
    advance("holding out", shards, "shards", 1)
    counts = {
        **kept.counts,
        "train_interactions": int((~mask).sum()),
        "eval_interactions": int(mask.sum()),
        "eval_users": len(np.unique(kept.user_codes[mask])),
    }
    books = scalar_column(kept.table, features.ISBN)
    return {
        "counts": counts,
        "books": kept.books,
        "kept_books": kept.kept_books,
        "train_books": books.filter(pa.array(~mask)).unique(),
        "heldout_books": books.filter(pa.array(mask)),
    }


def _write_counts(shards: list[dict[str, Any]], path: str) -> None:
    totals = {name: sum(shard["counts"][name] for shard in shards) for name in shards[0]["counts"]}
    totals["most_books_of_a_user"] = max(shard["counts"]["most_books_of_a_user"] for shard in shards)
    for name in ("books", "kept_books"):
        totals[name] = len(pa.chunked_array([shard[name] for shard in shards]).unique())
    trained, heldout = (
        pa.chunked_array([shard[name] for shard in shards]).combine_chunks()
        for name in ("train_books", "heldout_books")
    )
    totals["unseen_interactions"] = pc.sum(pc.invert(pc.is_in(heldout, trained))).as_py() or 0
    with parquet_examples.whole_file(path) as file:
        file.write(json.dumps(totals).encode())
