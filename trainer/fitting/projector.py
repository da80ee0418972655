"""Writes the data of TensorBoard's projector: the vectors of the most read books, with their titles."""

from pathlib import Path
from typing import Final

import numpy as np
import tensorflow as tf
from tensorboard.plugins import projector

from trainer.models.towers import Table
from transform.vocabulary import Vocabulary

MOST_BOOKS: Final = 10_000
FOLDER: Final = "books"
TENSOR_NAME: Final = "books"
VECTORS_FILE: Final = "vectors.bytes"
LABELS_FILE: Final = "labels.tsv"

# Characters that would end a line or a column of the labels file.
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def write_projector(vectors: Table, books: Vocabulary, log_dir: str, most: int = MOST_BOOKS) -> None:
    """Writes a TensorBoard run with the vectors of the `most` most read books, the most read first.

    Args:
      vectors: `[books, embedding_dim]`.
      books: titles and user counts.
      log_dir: TensorBoard's log folder; the run is a folder in it.
      most: maximum number of books; the default is as many as a browser can draw.
    """
    folder = Path(log_dir) / FOLDER
    chosen = np.argsort(-books.counts, kind="stable")[:most]
    # TensorBoard recognises a folder as a run only if it holds an event.
    with tf.summary.create_file_writer(str(folder)).as_default():
        tf.summary.scalar("books_in_the_projector", len(chosen), step=0)
    (folder / VECTORS_FILE).write_bytes(vectors[chosen].astype("<f4").tobytes())
    labels = [f"{label(books.tokens[book])}\t{books.counts[book]}" for book in chosen]
    (folder / LABELS_FILE).write_text("\n".join(["title\treaders", *labels]) + "\n", encoding="utf-8")
    config = projector.ProjectorConfig()
    embedding = config.embeddings.add(tensor_name=TENSOR_NAME, tensor_path=VECTORS_FILE, metadata_path=LABELS_FILE)
    embedding.tensor_shape.extend((len(chosen), vectors.shape[1]))
    projector.visualize_embeddings(str(folder), config)


def label(title: bytes) -> str:
    """Returns `title` escaped to one line and one column."""
    return title.decode(errors="replace").translate(_ESCAPES)
