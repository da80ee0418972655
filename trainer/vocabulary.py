"""Reading a vocabulary that Transform wrote, with its counts."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf


class Vocabulary(NamedTuple):
    """Tokens by id, and how often each stood in the training split."""

    tokens: list[bytes]
    counts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """The number of ids."""
        return len(self.tokens)


def read_vocabulary(path: str) -> Vocabulary:
    """Reads a vocabulary file: gzipped TFRecords `<count> <token>`, in the order of the ids.

    Args:
      path: the file, as `TFTransformOutput.vocabulary_file_by_name` names it.
    """
    records = tf.data.TFRecordDataset(path, compression_type="GZIP", buffer_size=1 << 20)
    pairs = [record.split(b" ", 1) for record in records.as_numpy_iterator()]
    return Vocabulary([token for _, token in pairs], np.array([int(count) for count, _ in pairs], np.int64))
