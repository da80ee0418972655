"""Defines the names of all features, splits, vocabularies, signatures and files.

Pure Python on purpose: the serving client, the data tools and the tests import it without loading TensorFlow.
"""

from typing import Final

# Columns of the reviews CSV, which are also the raw features of the Examples artifacts.
USER: Final = "User"
ISBN: Final = "ISBN"
RATING: Final = "RatingOf5"
GENRES: Final = "Genres"

# The order of the columns in every Parquet file. Transform needs the schema's order, which is alphabetical.
RAW_FEATURES: Final = (GENRES, ISBN, RATING, USER)

RATING_MIN: Final = 0.0
RATING_MAX: Final = 5.0

# Splits of the Examples artifacts.
REVIEWS_SPLIT: Final = "reviews"
TRAIN_SPLIT: Final = "train"
EVAL_SPLIT: Final = "eval"

# Property of the Examples artifacts that identifies the reviews they came from.
CONTENT_SHA256: Final = "content_sha256"

# Property of the Examples artifacts and field of a model's notes that identifies the key of the pseudonyms.
PSEUDONYM_KEY_ID: Final = "pseudonym_key_id"

# Transform's output features and vocabularies.
USER_ID: Final = "user_id"
BOOK_ID: Final = "book_id"
RATING_VALUE: Final = "rating"
USER_VOCABULARY: Final = "user_vocabulary"
ISBN_VOCABULARY: Final = "isbn_vocabulary"

# The id that Transform gives to a user or book outside its vocabulary.
OUT_OF_VOCABULARY: Final = -1

# The SavedModel's signatures.
SERVING_SIGNATURE: Final = "serving_default"
RECOMMEND_SIGNATURE: Final = "recommend"
HISTORY_SIGNATURE: Final = "recommend_for_history"
SIMILAR_BOOKS_SIGNATURE: Final = "similar_books"
USER_EMBEDDING_SIGNATURE: Final = "user_embedding"
BOOK_EMBEDDING_SIGNATURE: Final = "book_embedding"

# Inputs and outputs of the signatures.
SERVED_USER_ID: Final = "user_id"
SERVED_ISBN: Final = "isbn"
SERVED_EXCLUDE: Final = "exclude"
SERVED_K: Final = "k"
SERVED_SCORE: Final = "score"
SERVED_KNOWN_USER: Final = "known_user"
SERVED_KNOWN_BOOK: Final = "known_book"
SERVED_EMBEDDING: Final = "embedding"
SERVED_NEAR_ISBN: Final = "near_isbn"
SERVED_NEAR_SCORE: Final = "near_score"

# Maximum k of a request.
MOST_BOOKS_ASKED: Final = 1_000_000

# The score of a place that no book is left to fill, lower than every score of a book. It is finite because JSON has no
# infinity. It is the largest power of ten that float32 holds exactly, so REST and gRPC return the same number.
FILLER_SCORE: Final = -1e10

# Files beside the SavedModel. TF Serving reads only the warm-up requests in this folder.
MODEL_FACTS_FILE: Final = "assets.extra/readalike.json"
WARMUP_FILE: Final = "assets.extra/tf_serving_warmup_requests"
HOLDOUT_MODEL_FILE: Final = "assets.extra/twin.npz"
RELEASE_NOTE_FILE: Final = "assets.extra/release.json"
ROLLBACK_FILE: Final = "assets.extra/rollback.json"
MODEL_CARD_FILE: Final = "assets.extra/model_card.json"
MODEL_CARD_TEXT_FILE: Final = "assets.extra/model_card.md"
MANIFEST_FILE: Final = "assets.extra/manifest.json"

# In a blessing's folder: the model's metrics, their data, and how the model is served.
MEASURED_FILE: Final = "measured.json"

# Also in a blessing's folder: each check with the found and the required value.
CHECKS_FILE: Final = "checks.json"

# Also there if the model is refused: the table of checks.
REFUSAL_FILE: Final = "refusal.txt"
