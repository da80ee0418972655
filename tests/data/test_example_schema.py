import pyarrow as pa
import pytest

from data.example_schema import EXAMPLE_SCHEMA, as_list_column, scalar_column


def test_columns_stand_in_the_alphabetical_order_that_transform_needs() -> None:
    assert EXAMPLE_SCHEMA.names == sorted(EXAMPLE_SCHEMA.names)


def test_a_missing_value_is_a_null_list_and_comes_back_as_null() -> None:
    values = pa.array([1.5, None, 2.0], pa.float32())
    column = as_list_column(values, pa.float32())
    assert column.to_pylist() == [[1.5], None, [2.0]]
    batch = pa.table({"x": column})
    assert scalar_column(batch, "x").to_pylist() == [1.5, None, 2.0]
    assert scalar_column(pa.table({"x": pa.array([[], [3.0]])}), "x").to_pylist() == [None, 3.0]


@pytest.mark.parametrize(
    ("lists", "values"),
    [([[1], [2], [3]], [1, 2, 3]), ([[1, 2], [], [3]], [None, None, 3]), ([[None], [2]], [None, 2]), ([], [])],
)
def test_a_column_is_the_same_where_each_list_has_its_value(lists: list, values: list) -> None:
    batch = pa.record_batch({"x": pa.array([[7], *lists, []], pa.large_list(pa.int64()))})
    assert scalar_column(batch.slice(1, len(lists)), "x").to_pylist() == values
