"""Reads the facts about the kept reviews from the outputs of InteractionSplitter and Transform."""

import json

import numpy as np
import numpy.typing as npt
import tensorflow_transform as tft

from report.facts.data import Kept
from report.facts.figures import Bar
from storage import locations
from transform import features
from transform.vocabulary import read_vocabulary


def read_kept(splits: str, transform_graph: str | None = None) -> Kept:
    """Returns the facts about the kept reviews.

    Args:
      splits: output of InteractionSplitter.
      transform_graph: output of Transform. None: the run did not get that far.
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
    return Kept(counts=json.loads(locations.read_bytes(f"{splits}/counts.json")), **bars)


def doubling_bars(sizes: npt.NDArray[np.int64]) -> tuple[Bar, ...]:
    """Returns a histogram of `[n]` positive sizes in doubling bins: 1, 2 to 3, 4 to 7 and so on."""
    if not len(sizes):
        return ()
    edges = 2 ** np.arange(int(sizes.min()).bit_length() - 1, int(sizes.max()).bit_length() + 1)
    counts, _ = np.histogram(sizes, edges)
    return tuple(
        Bar(low=low, high=high, count=count)
        for low, high, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    )
