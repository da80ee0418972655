"""The exported module: recommendations in plain TensorFlow operations."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import tensorflow as tf

from trainer.export.book_ranker import Answer, Best, BookRanker
from trainer.export.request_checks import asked_width, check_answers, check_numbers, check_same_batch, within
from trainer.export.row_blocks import in_blocks, rows_of_a_block
from trainer.models.towers import summed
from transform import features

# No Python here branches on a tensor: without AutoGraph, tracing takes half the time.
_traced = partial(tf.function, autograph=False)


class Recommender(BookRanker):
    """Recommends the best books by the scores of an index, leaving out the books that the reader has read.

    An answer has `isbn` string `[batch, k]`, best first, and `score` float `[batch, k]`. Where no book is left, they
    are `""` and `features.FILLER_SCORE`. A score is the dot product of the reader's and the book's vectors. Unknown
    users get the most popular books, rated or not; the smaller id breaks ties. Their score is the share of users who
    have read the book, where users with few books weigh less (`trainer.models.popularity`).
    """

    def signatures(self) -> dict[str, tf.types.experimental.GenericFunction]:
        """Returns the signatures by name."""
        return {
            features.SERVING_SIGNATURE: self.recommend_top,
            features.RECOMMEND_SIGNATURE: self.recommend,
            features.HISTORY_SIGNATURE: self.recommend_for_history,
            features.SIMILAR_BOOKS_SIGNATURE: self.similar_books,
            features.USER_EMBEDDING_SIGNATURE: self.user_embedding,
            features.BOOK_EMBEDDING_SIGNATURE: self.book_embedding,
        }

    @_traced(input_signature=[tf.TensorSpec([None], tf.string, name=features.SERVED_USER_ID)])
    def recommend_top(self, user_id: tf.Tensor) -> Answer:
        """Returns the best `top_k` books for each reader: an answer, and `known_user` bool `[batch]`.

        Args:
          user_id: string `[batch]`, pseudonyms.
        """
        ids = self._user_ids.lookup(user_id)

        def best(begin: tf.Tensor, end: tf.Tensor) -> Best:
            rows, read = self._read(ids[begin:end])
            return self._recommended(ids[begin:end] >= 0, rows, read, rows, read, self._top_k)

        with tf.control_dependencies([check_answers(tf.size(ids, tf.int64), self._top_k)]):
            answer = self._answer(best, tf.size(ids, tf.int64), self._histories.longest(ids))
        return {**answer, features.SERVED_KNOWN_USER: ids >= 0}

    @_traced(
        input_signature=[
            tf.TensorSpec([None], tf.string, name=features.SERVED_USER_ID),
            tf.TensorSpec([None, None], tf.string, name=features.SERVED_EXCLUDE),
            tf.TensorSpec([None], tf.int32, name=features.SERVED_K),
        ]
    )
    def recommend(self, user_id: tf.Tensor, exclude: tf.Tensor, k: tf.Tensor) -> Answer:
        """Returns the best `k` books without the excluded ones: an answer, and `known_user` bool `[batch]`.

        Args:
          user_id: string `[batch]`, pseudonyms.
          exclude: string `[batch, n]`: books to leave out; unknown ones and `""` are ignored.
          k: int32 `[batch]`: number of books for each reader; the answer is as wide as the largest.
        """
        with tf.control_dependencies([check_same_batch(user_id, exclude, features.SERVED_EXCLUDE)]):
            ids = self._user_ids.lookup(user_id)
        width = asked_width(k, user_id)

        def best(begin: tf.Tensor, end: tf.Tensor) -> Best:
            rows, read = self._read(ids[begin:end])
            excluded_rows, excluded = self._known_books(self._book_ids.lookup(exclude[begin:end]))
            out_rows, out = tf.concat([rows, excluded_rows], axis=0), tf.concat([read, excluded], axis=0)
            return self._recommended(ids[begin:end] >= 0, rows, read, out_rows, out, width)

        answer = self._answer(best, tf.size(ids, tf.int64), self._histories.longest(ids))
        return {**_cut(answer, k), features.SERVED_KNOWN_USER: ids >= 0}

    @_traced(input_signature=[tf.TensorSpec([None, None], tf.string, name=features.SERVED_ISBN)])
    def recommend_for_history(self, isbn: tf.Tensor) -> Answer:
        """Returns the best `top_k` books for readers without an account: an answer, and `known_user` bool `[batch]`.

        Args:
          isbn: string `[batch, n]`: books that the reader liked, each counted once; unknown ones and `""` are ignored.
            A reader without a known book is an unknown user.
        """
        batch, longest = tf.unstack(tf.shape(isbn, tf.int64))
        ids = self._book_ids.lookup(isbn)
        known = tf.reduce_any(ids >= 0, axis=1)

        def best(begin: tf.Tensor, end: tf.Tensor) -> Best:
            rows, liked = self._known_books(ids[begin:end])
            book_count = tf.size(self._books, tf.int64)
            pairs = tf.unique(rows * book_count + tf.cast(liked, tf.int64)).y
            rows, liked = pairs // book_count, tf.cast(pairs % book_count, tf.int32)
            return self._recommended(known[begin:end], rows, liked, rows, liked, self._top_k)

        with tf.control_dependencies([check_answers(batch, self._top_k)]):
            answer = self._answer(best, batch, longest)
        return {**answer, features.SERVED_KNOWN_USER: known}

    @_traced(
        input_signature=[
            tf.TensorSpec([None], tf.string, name=features.SERVED_ISBN),
            tf.TensorSpec([None], tf.int32, name=features.SERVED_K),
        ]
    )
    def similar_books(self, isbn: tf.Tensor, k: tf.Tensor) -> Answer:
        """Returns the nearest books of each book without itself; the score is the cosine similarity.

        Args:
          isbn: string `[batch]`; an unknown book has no similar ones.
          k: int32 `[batch]`: number of books for each; the answer is as wide as the largest.

        Returns:
          An answer, and `known_book` bool `[batch]`.
        """
        ids = self._book_ids.lookup(isbn)
        width = asked_width(k, isbn)

        def best(begin: tf.Tensor, end: tf.Tensor) -> Best:
            known, books = ids[begin:end] >= 0, tf.maximum(ids[begin:end], 0)
            lengths = tf.gather(self._candidate_lengths, books)[:, tf.newaxis] * self._candidate_lengths
            cosines = self._index.scores(self._index.vectors(books)) / lengths
            scores = tf.where(known[:, tf.newaxis], cosines, -np.inf)
            return self._best(scores, tf.range(end - begin), books, width)

        answer = self._answer(best, tf.size(ids, tf.int64), tf.constant(1, tf.int64))
        return {**_cut(answer, k), features.SERVED_KNOWN_BOOK: ids >= 0}

    @_traced(input_signature=[tf.TensorSpec([None], tf.string, name=features.SERVED_USER_ID)])
    def user_embedding(self, user_id: tf.Tensor) -> Answer:
        """Returns readers' vectors: `embedding` float `[batch, embedding_dim]` of length 1, zeros for unknown users.

        The score of a book is the dot product with its vector. A book in the reader's `near_isbn` string `[batch, n]`
        gets its `near_score` float `[batch, n]` added; `""` and 0 pad them. n is 0 for a model without a sparse part.
        The answer also has `known_user` bool `[batch]`.
        """
        ids = self._user_ids.lookup(user_id)
        batch, longest = tf.size(ids, tf.int64), self._histories.longest(ids)

        def vectors(begin: tf.Tensor, end: tf.Tensor) -> Sequence[tf.Tensor]:
            rows, read = self._read(ids[begin:end])
            sums = summed(self._query_table, rows, read, end - begin)
            near, scores = self._sparse_part.by_reader(rows, read, sums)
            return tf.math.l2_normalize(sums, axis=-1), near.row_lengths(), near.flat_values, scores

        checks = [
            check_numbers(batch, self._embedding_dim),
            check_answers(batch, self._sparse_part.at_most(longest)),
        ]
        with tf.control_dependencies(checks):
            block_rows = rows_of_a_block(longest * self._numbers_of_a_book)
            dtypes = (tf.float32, tf.int64, tf.int64, tf.float32)
            embedding, lengths, near, scores = in_blocks(vectors, batch, block_rows, dtypes)
        by_reader = tf.RaggedTensor.from_row_lengths(near, lengths, validate=False)
        return {
            features.SERVED_EMBEDDING: tf.ensure_shape(embedding, [None, self._embedding_dim]),
            features.SERVED_NEAR_ISBN: by_reader.with_values(tf.gather(self._books, near)).to_tensor(""),
            features.SERVED_NEAR_SCORE: by_reader.with_values(scores).to_tensor(0.0),
            features.SERVED_KNOWN_USER: ids >= 0,
        }

    @_traced(input_signature=[tf.TensorSpec([None], tf.string, name=features.SERVED_ISBN)])
    def book_embedding(self, isbn: tf.Tensor) -> Answer:
        """Returns the books' vectors: `embedding` float `[batch, embedding_dim]`, zeros for unknown books.

        The answer also has `known_book` bool `[batch]`.
        """
        ids = self._book_ids.lookup(isbn)
        known = ids >= 0
        with tf.control_dependencies([check_numbers(tf.size(ids, tf.int64), self._embedding_dim)]):
            vectors = self._index.vectors(tf.maximum(ids, 0))
        return {
            features.SERVED_EMBEDDING: tf.where(known[:, tf.newaxis], vectors, 0.0),
            features.SERVED_KNOWN_BOOK: known,
        }

    @_traced(input_signature=[tf.TensorSpec([None], tf.string)])
    def read_books(self, user_id: tf.Tensor) -> tf.Tensor:
        """Returns string `[batch, n]`: the books that each reader has read, padded with `""`.

        It is for people who inspect the model. It is not a signature: a service does not need it.
        """
        read = self._histories.of(self._user_ids.lookup(user_id))
        return read.with_values(tf.gather(self._books, read.flat_values)).to_tensor("")

    @_traced(input_signature=[tf.TensorSpec([], tf.int32)])
    def example_users(self, count: tf.Tensor) -> tf.Tensor:
        """Returns string `[count]`: pseudonyms of example readers, at most a dozen. It is not a signature either."""
        return self._example_users[:count]


def _cut(answer: Answer, k: tf.Tensor) -> Answer:
    """Returns `answer` with only the first `k` `[batch]` books of each row."""
    isbn, score = answer[features.SERVED_ISBN], answer[features.SERVED_SCORE]
    wanted = within(k, tf.shape(isbn)[1])
    return {
        **answer,
        features.SERVED_ISBN: tf.where(wanted, isbn, ""),
        features.SERVED_SCORE: tf.where(wanted, score, features.FILLER_SCORE),
    }
