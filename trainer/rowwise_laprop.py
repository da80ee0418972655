"""LaProp that touches only the rows of the step."""

from typing import Any

import tensorflow as tf


class RowwiseLaProp(tf.keras.optimizers.legacy.Adam):
    """LaProp (Ziyin, Wang and Ueda, 2020, arXiv:2002.04839) whose rows and moments move only when the step names them.

    Adam divides the mean of the last gradients by their size; LaProp takes the mean of gradients that are divided each
    by the size of that time. With g the gradient, r the rate and Adam's factors b1 and b2, in step t

        v = b2 v + (1 - b2) g^2
        m = b1 m + r sqrt(1 - b2^t) (1 - b1) / (1 - b1^t) g / sqrt(v + epsilon^2)
        row = row - m

    A row of an embedding table is named now and then. Under Adam its old gradients are divided anew, by a size to which
    the gradient of today belongs.

    Keras' own optimizers sweep the whole of every table in each step, for rows that still have momentum. Here a row
    rests until it is named again: a step costs what its books cost, however large the catalogue is.
    """

    def __init__(self, learning_rate: Any, *, distinct_rows: bool):
        """Takes a rate or its schedule, and whether a step's gradients name no row of a table twice.

        Where they do, as those of several replicas, Keras first adds up what belongs to the same row.
        """
        super().__init__(learning_rate)
        self._distinct_rows = distinct_rows

    def build(self, variables: list[tf.Variable]) -> None:
        """Makes the moments of `variables`, which on several devices cannot be made within a step."""
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
        # Keras' rate has the corrections for the first steps in it.
        scaled = rates["lr"] * rates["one_minus_beta_1_t"] * grad * tf.math.rsqrt(second_rows + rates["epsilon"] ** 2)
        first_rows = rates["beta_1_t"] * tf.gather(first, indices) + scaled
        return tf.group(
            first.scatter_update(tf.IndexedSlices(first_rows, indices)),
            second.scatter_update(tf.IndexedSlices(second_rows, indices)),
            # TensorFlow replaces rows five times as fast as it subtracts from them.
            var.scatter_update(tf.IndexedSlices(tf.gather(var, indices) - first_rows, indices)),
        )
