"""What was kept, read from what InteractionSplitter and Transform wrote."""

import json

import numpy as np
import numpy.typing as npt
import tensorflow_transform as tft

from components.report.data_facts import Kept
from components.report.figures import Bar
from trainer.vocabulary import read_vocabulary
from transform import features, storage


def read_kept(splits: str, transform_graph: str | None = None) -> Kept:
    """Returns what was kept.

    Args:
      splits: InteractionSplitter's examples.
      transform_graph: Transform's vocabularies; None: the run did not come so far.
    """
    bars = {}
    if transform_graph:
        transformed = tft.TFTransformOutput(transform_graph)
        bars = {
            name: doubling_bars(read_vocabulary(transformed.vocabulary_file_by_name(vocabulary)).counts)
            for name, vocabulary in (
                ("books_of_readers", features.USER_VOCABULARY),
                ("readers_of_books", features.ISBN_VOCABULARY),
            )
        }
    return Kept(counts=json.loads(storage.read_bytes(f"{splits}/counts.json")), **bars)


def doubling_bars(sizes: npt.NDArray[np.int64]) -> tuple[Bar, ...]:
    """Returns how many of `[n]` positive sizes are 1, 2 to 3, 4 to 7 and so on, from the smallest to the largest."""
    if not len(sizes):
        return ()
    edges = 2 ** np.arange(int(sizes.min()).bit_length() - 1, int(sizes.max()).bit_length() + 1)
    counts, _ = np.histogram(sizes, edges)
    return tuple(
        Bar(low=low, high=high, count=count)
        for low, high, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    )
