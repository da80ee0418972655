"""Reads a vocabulary that Transform wrote, with its counts."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

# Reading records one by one takes seventeen times as long.
RECORDS_AT_ONCE: Final = 65_536


class Vocabulary(NamedTuple):
    """Tokens by id, and how often each occurs in the training split."""

    tokens: list[bytes]
    counts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """The number of ids."""
        return len(self.tokens)


def read_vocabulary(path: str) -> Vocabulary:
    """Returns the vocabulary in a file: gzipped TFRecords `<count> <token>`, in the order of the ids.

    Args:
      path: the file, as `TFTransformOutput.vocabulary_file_by_name` names it.
    """
    records = tf.data.TFRecordDataset(path, compression_type="GZIP", buffer_size=1 << 20)
    batches = records.batch(RECORDS_AT_ONCE).as_numpy_iterator()
    # Byte strings only: with a list per record the garbage collector would scan all of them.
    lines = [record for batch in batches for record in batch]
    counts = np.array([int(line.partition(b" ")[0]) for line in lines], np.int64)
    return Vocabulary([line.partition(b" ")[2] for line in lines], counts)
