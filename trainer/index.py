"""What the exported model searches with, as configured."""

import math
from typing import Final

from trainer.exact_index import ExactIndex
from trainer.hyperparameters import Hyperparameters
from trainer.partitioned_index import PartitionedIndex
from trainer.stored_table import StoredTable

CELLS_BY_ROOT: Final = 4
PROBED_BOOKS: Final = 4_096

Index = ExactIndex | PartitionedIndex


def make_index(candidate_table: StoredTable, parameters: Hyperparameters) -> Index:
    """Returns the configured index of books' own vectors, `[books, embedding_dim]`."""
    if parameters.index == "exact":
        return ExactIndex(candidate_table)
    books = len(candidate_table.integers)
    cells = parameters.cells or round(CELLS_BY_ROOT * math.sqrt(books))
    probed = parameters.probed_cells or math.ceil(PROBED_BOOKS * cells / books)
    return PartitionedIndex(candidate_table, cells, probed, parameters.seed)
