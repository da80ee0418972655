"""Adam in one pass over a table."""

from typing import Any

import tensorflow as tf


class FusedAdam(tf.keras.optimizers.legacy.Adam):
    """Adam (Kingma and Ba, 2015) by TensorFlow's fused operation, for embedding tables too.

    An embedding's gradient names only the rows of the step, but Adam moves every row that still has momentum. Keras
    does so in a dozen passes over the table, which takes most of a step; made dense, the gradient fits the fused
    operation, which passes once. The arithmetic is the same. The cost is one more table of memory.
    """

    def _resource_apply_sparse_duplicate_indices(
        self, grad: tf.Tensor, handle: tf.Variable, indices: tf.Tensor, **kwargs: Any
    ) -> tf.Operation:
        # [batch, embedding_dim] -> [ids, embedding_dim], repeated rows summed
        dense = tf.math.unsorted_segment_sum(grad, indices, handle.shape[0])
        return self._resource_apply_dense(dense, handle, **kwargs)
