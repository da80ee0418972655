"""The LaProp optimizer for embedding tables, which updates only the rows that a step uses."""

from typing import Any

import tensorflow as tf


class RowwiseLaProp(tf.keras.optimizers.legacy.Adam):
    """LaProp (Ziyin, Wang and Ueda, 2020, arXiv:2002.04839) that updates rows and moments only in steps that use them.

    Adam divides the mean of recent gradients by their current size. LaProp divides each gradient by the size at its
    time, and then takes the mean. With g the gradient, r the rate and Adam's factors b1 and b2, in step t

        v = b2 v + (1 - b2) g^2
        m = b1 m + r sqrt(1 - b2^t) (1 - b1) / (1 - b1^t) g / sqrt(v + epsilon^2)
        row = row - m

    Steps use a row of an embedding table only now and then. Adam would divide its old gradients anew, by a size that
    includes the current gradient.

    Keras' own optimizers update every whole table in each step, for rows that still have momentum. Here a row rests
    until a step uses it again. So the cost of a step depends on its books, not on the size of the catalogue.
    """

    def __init__(self, learning_rate: Any, *, distinct_rows: bool):
        """Takes a learning rate or its schedule, and whether a step has at most one gradient for each row of a table.

        If not, as with several replicas, Keras first sums the gradients of each row.
        """
        super().__init__(learning_rate)
        self._distinct_rows = distinct_rows

    def build(self, variables: list[tf.Variable]) -> None:
        """Creates the moments of `variables`; on several devices, a step cannot create them."""
        self._create_all_weights(variables)

    def _resource_apply_sparse_duplicate_indices(
        self, grad: tf.Tensor, handle: tf.Variable, indices: tf.Tensor, **options: Any
    ) -> tf.Operation:
        if self._distinct_rows:
            return self._resource_apply_sparse(grad, handle, indices, **options)
        return super()._resource_apply_sparse_duplicate_indices(grad, handle, indices, **options)

    def _resource_apply_sparse(
        self, grad: tf.Tensor, var: tf.Variable, indices: tf.Tensor, apply_state: Any = None
    ) -> tf.Operation:
        device, dtype = var.device, var.dtype.base_dtype
        rates = (apply_state or {}).get((device, dtype)) or self._fallback_apply_state(device, dtype)
        first, second = self.get_slot(var, "m"), self.get_slot(var, "v")
        second_rows = rates["beta_2_t"] * tf.gather(second, indices) + rates["one_minus_beta_2_t"] * tf.square(grad)
        # Keras' rate includes the bias corrections for the first steps.
        scaled = rates["lr"] * rates["one_minus_beta_1_t"] * grad * tf.math.rsqrt(second_rows + rates["epsilon"] ** 2)
        first_rows = rates["beta_1_t"] * tf.gather(first, indices) + scaled
        return tf.group(
            first.scatter_update(tf.IndexedSlices(first_rows, indices)),
            second.scatter_update(tf.IndexedSlices(second_rows, indices)),
            # TensorFlow replaces rows five times as fast as it subtracts from them.
            var.scatter_update(tf.IndexedSlices(tf.gather(var, indices) - first_rows, indices)),
        )
