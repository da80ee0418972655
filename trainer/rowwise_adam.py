"""Adam that touches only the rows of the step."""

from typing import Any

import tensorflow as tf


class RowwiseAdam(tf.keras.optimizers.legacy.Adam):
    """Adam (Kingma and Ba, 2015) whose moments and rows move only when the step names them.

    Keras' own Adam sweeps the whole of every embedding table in each step, for rows that still have momentum. Here a
    row rests until it is named again: a step costs what its books cost, however large the catalogue is.
    """

    def build(self, variables: list[tf.Variable]) -> None:
        """Makes the moments of `variables`, which on several devices cannot be made within a step."""
        self._create_all_weights(variables)

    def _resource_apply_sparse(
        self, grad: tf.Tensor, var: tf.Variable, indices: tf.Tensor, apply_state: Any = None
    ) -> tf.Operation:
        device, dtype = var.device, var.dtype.base_dtype
        rates = (apply_state or {}).get((device, dtype)) or self._fallback_apply_state(device, dtype)
        first, second = self.get_slot(var, "m"), self.get_slot(var, "v")
        first_rows = rates["beta_1_t"] * tf.gather(first, indices) + rates["one_minus_beta_1_t"] * grad
        second_rows = rates["beta_2_t"] * tf.gather(second, indices) + rates["one_minus_beta_2_t"] * tf.square(grad)
        step = rates["lr"] * first_rows / (tf.sqrt(second_rows) + rates["epsilon"])
        return tf.group(
            first.scatter_update(tf.IndexedSlices(first_rows, indices)),
            second.scatter_update(tf.IndexedSlices(second_rows, indices)),
            var.scatter_sub(tf.IndexedSlices(step, indices)),
        )
