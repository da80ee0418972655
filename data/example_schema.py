"""The columns of reviews as stock TFX components read them: lists, in the alphabetical order of the schema."""

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from transform import features

# A missing value is a null list, so that the statistics count it as missing.
EXAMPLE_SCHEMA: Final = pa.schema(
    [
        pa.field(features.GENRES, pa.large_list(pa.large_binary())),
        pa.field(features.ISBN, pa.large_list(pa.large_binary())),
        pa.field(features.RATING, pa.large_list(pa.float32())),
        pa.field(features.USER, pa.large_list(pa.large_binary())),
    ]
)


def scalar_column(table: pa.Table | pa.RecordBatch, name: str) -> pa.Array:
    """Returns a list column with at most one value per row as a plain array, null if the list is null or empty."""
    column = table.column(name)
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values = column.flatten()
    if len(values) == len(column) and column.null_count == 0 and pc.max(pc.list_value_length(column)).as_py() == 1:
        return values
    filled = pc.equal(pc.list_value_length(column), 1)
    return pc.list_element(pc.if_else(filled, column, None), 0)


def as_list_column(values: pa.Array, value_type: pa.DataType) -> pa.Array:
    """Returns plain `values` as the list column that stock components read: one value per row, null where null."""
    values = values.cast(value_type)
    offsets = pc.cumulative_sum(pc.cast(values.is_valid(), pa.int64()))
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), offsets])
    return pa.LargeListArray.from_arrays(offsets, values.drop_null(), mask=values.is_null())
