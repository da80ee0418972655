"""Builds the configured index that the exported model searches."""

import math
from typing import Final

from trainer.export.exact_index import ExactIndex
from trainer.export.partitioned_index import PartitionedIndex
from trainer.export.quantised_table import StoredTable
from trainer.hyperparameters import Hyperparameters

CELLS_BY_ROOT: Final = 4
PROBED_BOOKS: Final = 4_096

Index = ExactIndex | PartitionedIndex


def make_index(candidate_table: StoredTable, parameters: Hyperparameters) -> Index:
    """Returns the configured index of the books' own vectors, `[books, embedding_dim]`."""
    if parameters.index == "exact":
        return ExactIndex(candidate_table)
    books = len(candidate_table.integers)
    cells = parameters.cells or round(CELLS_BY_ROOT * math.sqrt(books))
    probed = parameters.probed_cells or math.ceil(PROBED_BOOKS * cells / books)
    return PartitionedIndex(candidate_table, cells, probed, parameters.seed)
