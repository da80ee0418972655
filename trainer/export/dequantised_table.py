"""A table that a SavedModel stores at 8 bits and dequantises to float once, when it is loaded."""

import tensorflow as tf
from tensorflow.python.eager import context

from trainer.export.quantised_table import GROUP, StoredTable


class LoadedTable(tf.saved_model.experimental.TrackableResource):
    """A float table `[rows, width]`, or its transpose, that any TensorFlow operation accepts as a tensor.

    The checkpoint holds only the integers and the scales. The Python and C++ loaders both run a resource's initializer
    after they restore the variables. This initializer multiplies integers and scales.
    """

    def __init__(self, table: StoredTable, name: str, columns: int | None = None):
        """Sets the table up.

        Args:
          table: the quantised table, `[rows, width]`.
          name: unique among the tables of the model.
          columns: if given, the float table is transposed to `[width, columns]` and padded with zeros.
        """
        super().__init__()
        self._name = name
        rows, width = table.integers.shape
        self._columns = columns
        self._shape = (rows, width) if columns is None else (width, columns)
        self._integers = tf.Variable(table.integers, trainable=False, name=f"{name}_integers")
        self._scales = tf.Variable(table.scales, trainable=False, name=f"{name}_scales")
        self._track_trackable(self._integers, "integers")
        self._track_trackable(self._scales, "scales")
        self._initialize()

    def __tf_tensor__(self, dtype: tf.DType | None = None, name: str | None = None) -> tf.Tensor:
        """Returns the float table without copying it."""
        del name
        if dtype not in (None, tf.float32):
            raise TypeError(f"{self._name}: wanted as {dtype}, and it is float32.")
        return tf.ensure_shape(tf.raw_ops.ReadVariableOp(resource=self.resource_handle, dtype=tf.float32), self._shape)

    def _create_resource(self) -> tf.Tensor:
        """Returns the handle of a variable that is not in the checkpoint.

        In a saved graph the variable needs a name: each request runs the operation again, and only the name leads to
        the same variable. Python's loader appends a number of its own.
        """
        return tf.raw_ops.VarHandleOp(
            dtype=tf.float32,
            shape=self._shape,
            shared_name=context.anonymous_name() if tf.executing_eagerly() else self._name,
        )

    def _initialize(self) -> None:
        """Dequantises the table. It groups the integers: repeating the scales would need a second array as large."""
        (rows, width), groups = self._integers.shape, self._scales.shape[1]
        padded = tf.pad(self._integers, [[0, 0], [0, groups * GROUP - width]])
        grouped = tf.cast(tf.reshape(padded, [rows, groups, GROUP]), tf.float32)
        table = tf.reshape(grouped * self._scales[:, :, tf.newaxis], [rows, groups * GROUP])[:, :width]
        if self._columns is not None:
            table = tf.pad(tf.transpose(table), [[0, 0], [0, self._columns - rows]])
        tf.raw_ops.AssignVariableOp(resource=self.resource_handle, value=table)

    def _destroy_resource(self) -> None:
        """Frees the table. A loaded table stays, as lookup tables do: signatures may outlive the rest of a model."""
        if tf.executing_eagerly():
            tf.raw_ops.DestroyResourceOp(resource=self.resource_handle)
