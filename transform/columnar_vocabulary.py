"""TensorFlow Transform's vocabulary by frequency, counted column by column.

TensorFlow Transform passes each token of each review, and each vocabulary entry, one by one through a dozen Beam
stages. That takes a third of the step's time. Here the elements are Arrow tables of tokens and counts. Every worker
that looks up ids holds the whole vocabulary anyway, so one worker may also sum the counts.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from tensorflow_transform import analyzer_nodes, analyzers
from tensorflow_transform.beam import common

TOKEN: Final = "token"
COUNT: Final = "count"
COUNTS_SCHEMA: Final = pa.schema([(TOKEN, pa.large_binary()), (COUNT, pa.int64())])


class _Sum(beam.CombineFn):
    """Sums tables of counts, but only once the pending tables are larger than the sum, not for every batch."""

    def create_accumulator(self) -> list[pa.Table]:
        return []

    def add_input(self, accumulator: list[pa.Table], counts: pa.Table) -> list[pa.Table]:
        return self.merge_accumulators([accumulator, [counts]])

    def merge_accumulators(self, accumulators: Iterable[list[pa.Table]]) -> list[pa.Table]:
        tables = [table for accumulator in accumulators for table in accumulator]
        return self.compact(tables) if sum(map(len, tables[1:])) > sum(map(len, tables[:1])) else tables

    def compact(self, accumulator: list[pa.Table]) -> list[pa.Table]:
        return [self.extract_output(accumulator)] if accumulator else []

    def extract_output(self, accumulator: list[pa.Table]) -> pa.Table:
        tables = [COUNTS_SCHEMA.empty_table(), *accumulator]
        summed = pa.concat_tables(tables).group_by(TOKEN).aggregate([(COUNT, "sum")])
        # Arrow returns slices of a few large buffers; pickle would write the whole buffers with each slice.
        return pa.table([summed[TOKEN], summed[f"{COUNT}_sum"]], schema=COUNTS_SCHEMA).combine_chunks()


class _OfOperation(beam.PTransform):
    """Implements TensorFlow Transform's node `operation`.

    Raises:
      NotImplementedError: the node belongs to a kind of vocabulary that is not supported here.
    """

    # Required values of the node's attributes.
    NEEDED: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, operation: Any, extra_args: Any):
        super().__init__()
        found = {name: getattr(operation, name) for name in self.NEEDED}
        if found != self.NEEDED:
            raise NotImplementedError(
                f"{type(operation).__name__} with {found}: vocabularies are counted of strings, by frequency, unpruned "
                f"but by size and count, and written in TFRecords with their counts, for which it would have "
                f"{dict(self.NEEDED)}. Let preprocessing_fn ask for that, or put TFX's own Transform into the pipeline."
            )
        self._operation = operation
        self._folder = extra_args.base_temp_dir


class _Accumulate(_OfOperation):
    NEEDED = MappingProxyType(
        {"vocab_ordering_type": analyzers._VocabOrderingType.FREQUENCY, "input_dtype": tf.string.name}
    )

    def expand(self, inputs: Any) -> beam.PCollection:
        [batches] = inputs
        return batches | "Count" >> beam.MapTuple(count_tokens) | "Sum" >> beam.CombineGlobally(_Sum())


class _Merge(_OfOperation):
    def expand(self, inputs: Any) -> beam.PCollection:
        [counts] = inputs
        return counts


class _Prune(_OfOperation):
    NEEDED = MappingProxyType({"informativeness_threshold": float("-inf"), "coverage_top_k": None, "key_fn": None})

    def expand(self, inputs: Any) -> beam.PCollection:
        [counts] = inputs
        return counts | "Prune" >> beam.Map(prune, self._operation.frequency_threshold, self._operation.top_k)


class _Count(_OfOperation):
    def expand(self, inputs: Any) -> beam.PCollection:
        [counts] = inputs
        return counts | "Size" >> beam.Map(lambda table: np.int64(max(len(table), 1)))


class _Write(_OfOperation):
    NEEDED = MappingProxyType({"store_frequency": True, "fingerprint_shuffle": False, "file_format": "tfrecord_gzip"})

    def expand(self, inputs: Any) -> Any:
        [counts] = inputs
        path = f"{self._folder}/{self._operation.vocab_filename}.tfrecord.gz"
        return (counts | "Write" >> beam.Map(write, path),)


_IMPLEMENTATIONS: Final = {
    analyzer_nodes.VocabularyAccumulate: _Accumulate,
    analyzer_nodes.VocabularyMerge: _Merge,
    analyzer_nodes.VocabularyPrune: _Prune,
    analyzer_nodes.VocabularyCount: _Count,
    analyzer_nodes.VocabularyOrderAndWrite: _Write,
}


@contextmanager
def columnar_vocabularies() -> Iterator[None]:
    """Makes TensorFlow Transform use the columnar vocabularies for pipelines that are built in the block.

    It supports `tft.vocabulary` of strings by frequency, with counts, in TFRecords, as `preprocessing_fn` requests.
    """
    # TensorFlow Transform has a function to add implementations, and none to remove them.
    registry = common._PTRANSFORM_BY_OPERATION_DEF_SUBCLASS
    own = {node: registry.pop(node) for node in _IMPLEMENTATIONS}
    try:
        for node, implementation in _IMPLEMENTATIONS.items():
            common.register_ptransform(node)(implementation)
        yield
    finally:
        registry.update(own)


def count_tokens(tokens: np.ndarray) -> pa.Table:
    """Returns the distinct tokens in `tokens` `[n]`, objects of bytes, with their counts."""
    counted = pc.value_counts(pa.array(tokens, pa.large_binary()))
    return pa.table([counted.field("values"), counted.field("counts")], schema=COUNTS_SCHEMA)


def prune(counts: pa.Table, least: float, most: int | None) -> pa.Table:
    """Returns the `most` most frequent tokens that occur at least `least` times, most frequent first.

    Tokens with equal counts are in descending order of their bytes.
    """
    frequent = counts.filter(pc.greater_equal(counts[COUNT], least))
    return frequent.sort_by([(COUNT, "descending"), (TOKEN, "descending")])[:most]


def write(entries: pa.Table, path: str) -> np.ndarray:
    """Writes a vocabulary as TensorFlow Transform does, one record `<count> <token>` per entry. Returns its path.

    An empty vocabulary gets a token that no review has: TensorFlow's tables cannot be empty.
    """
    rows = zip(entries[COUNT].to_numpy(), entries[TOKEN].to_numpy(), strict=True)
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions("GZIP")) as file:
        for count, token in list(rows) or [analyzers.get_empy_vocabulary_dummy_value(tf.string)]:
            file.write(b"%d %b" % (count, token))
    return np.array(path)
