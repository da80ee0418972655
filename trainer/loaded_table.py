"""A float table that a SavedModel holds at 8 bits, and makes once, when it is loaded."""

import tensorflow as tf
from tensorflow.python.eager import context

from trainer.stored_table import GROUP, StoredTable


class LoadedTable(tf.saved_model.experimental.TrackableResource):
    """Float `[rows, width]`, or that transposed, which any TensorFlow operation takes in place of a tensor.

    The checkpoint has the integers and the scales only. Both loaders, Python's and the one in C++, run a resource's
    initializer after they have restored the variables; here it multiplies the two.
    """

    def __init__(self, table: StoredTable, name: str, columns: int | None = None):
        """Sets the table up.

        Args:
          table: what is stored, `[rows, width]`.
          name: no other table of the same model has it.
          columns: if given, the table is made transposed, `[width, columns]`, with zeros beyond the rows.
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
        """Returns the table, which is not copied."""
        del name
        if dtype not in (None, tf.float32):
            raise TypeError(f"{self._name}: wanted as {dtype}, and it is float32.")
        return tf.ensure_shape(tf.raw_ops.ReadVariableOp(resource=self.resource_handle, dtype=tf.float32), self._shape)

    def _create_resource(self) -> tf.Tensor:
        """Returns the handle of a variable that no checkpoint holds.

        In a saved graph it has a name: the operation is run again with each request, and only a name leads to the same
        variable. Python's loader appends a number of its own.
        """
        return tf.raw_ops.VarHandleOp(
            dtype=tf.float32,
            shape=self._shape,
            shared_name=context.anonymous_name() if tf.executing_eagerly() else self._name,
        )

    def _initialize(self) -> None:
        """Makes the table. Integers are grouped, not scales repeated: nothing else as large as the table is made."""
        (rows, width), groups = self._integers.shape, self._scales.shape[1]
        padded = tf.pad(self._integers, [[0, 0], [0, groups * GROUP - width]])
        grouped = tf.cast(tf.reshape(padded, [rows, groups, GROUP]), tf.float32)
        table = tf.reshape(grouped * self._scales[:, :, tf.newaxis], [rows, groups * GROUP])[:, :width]
        if self._columns is not None:
            table = tf.pad(tf.transpose(table), [[0, 0], [0, self._columns - rows]])
        tf.raw_ops.AssignVariableOp(resource=self.resource_handle, value=table)

    def _destroy_resource(self) -> None:
        """Frees the table. A loaded one stays, as lookup tables do: signatures may outlive the rest of a model."""
        if tf.executing_eagerly():
            tf.raw_ops.DestroyResourceOp(resource=self.resource_handle)
