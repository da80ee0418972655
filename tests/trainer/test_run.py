import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from trainer.hyperparameters import Hyperparameters
from trainer.interactions import Interactions
from trainer.run import check_enough, run_fn
from trainer.vocabulary import Vocabulary
from transform.errors import DataError


def pairs(*books: int, left_out: int = 0) -> Interactions:
    return Interactions(np.arange(len(books), dtype=np.int32), np.array(books, np.int32), left_out)


VOCABULARY = Vocabulary([b"a", b"b"], np.array([2, 1]))


@pytest.mark.parametrize(
    ("train", "heldout"), [(pairs(), pairs(0)), (pairs(0, 0), pairs(0)), (pairs(0, 1, left_out=9), pairs())]
)
def test_too_little_is_told_with_counts_and_remedy(train: Interactions, heldout: Interactions) -> None:
    with pytest.raises(DataError, match=r"--vocabulary\.min-book-count") as caught:
        check_enough(train, heldout, VOCABULARY)
    assert f"{train.left_out + heldout.left_out:,} were left out" in str(caught.value)


def test_two_books_and_something_to_stop_by_are_enough() -> None:
    check_enough(pairs(0, 1), pairs(1), VOCABULARY)


@pytest.mark.parametrize(
    "field", ["embedding_dim", "batch_size", "learning_rate", "temperature", "max_epochs", "top_k"]
)
def test_hyperparameters_have_bounds(field: str) -> None:
    for value in (0, 10**9, float("inf")):
        with pytest.raises(ValueError, match=field):
            Hyperparameters(**{field: value})


def test_a_seed_that_numpy_would_refuse_is_refused_before_any_work() -> None:
    tf.keras.utils.set_random_seed(Hyperparameters(seed=2**32 - 1).seed)
    with pytest.raises(ValueError, match="seed"):
        Hyperparameters(seed=2**32)


READERS, TITLES = 12, 8


def write_split(folder: Path, rows: list[tuple[int, int]]) -> str:
    folder.mkdir()
    ids = pa.large_list(pa.int64())
    columns = {name: pa.array([[row[at]] for row in rows], ids) for at, name in enumerate(("user_id", "book_id"))}
    pq.write_table(pa.table(columns), folder / "part-00000.parquet")
    return str(folder / "*")


def write_vocabulary(path: Path, tokens: list[str], counts: list[int]) -> None:
    with tf.io.TFRecordWriter(str(path), options="GZIP") as writer:
        for token, count in zip(tokens, counts, strict=True):
            writer.write(f"{count} {token}".encode())


@pytest.fixture
def fn_args(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What TFX gives; every book was also read by 88 users who got no id, as `vocabulary.max_users` makes it."""
    monkeypatch.setattr(
        "trainer.run.tft.TFTransformOutput",
        lambda folder: SimpleNamespace(vocabulary_file_by_name=lambda name: f"{folder}/{name}"),
    )
    cells = [(user, book) for user in range(READERS) for book in range(TITLES) if (user + book) % 2 == 0]
    heldout = [(user, user % TITLES) for user in range(READERS)]
    train = [cell for cell in cells if cell not in heldout]
    strangers = [(-1, book) for book in range(TITLES)] * 88
    counts = [88 + sum(book == read for _, read in train) for book in range(TITLES)]
    write_vocabulary(tmp_path / "user_vocabulary", [f"reader-{user}" for user in range(READERS)], [3] * READERS)
    write_vocabulary(tmp_path / "isbn_vocabulary", [f"book {book}" for book in range(TITLES)], counts)
    return SimpleNamespace(
        transform_graph_path=str(tmp_path),
        train_files=[write_split(tmp_path / "train", train + strangers)],
        eval_files=[write_split(tmp_path / "eval", [*heldout, (0, -1)])],
        model_run_dir=str(tmp_path / "model_run"),
        serving_model_dir=str(tmp_path / "Format-Serving"),
        custom_config={
            "hyperparameters": {"embedding_dim": 4, "max_epochs": 2, "top_k": TITLES},
            "model_facts": {"pseudonym_key_id": "abc"},
        },
    )


def test_a_run_trains_measures_records_and_exports(fn_args: SimpleNamespace) -> None:
    run_fn(fn_args)
    training = json.loads(Path(fn_args.model_run_dir, "training.json").read_text())
    facts = json.loads(Path(fn_args.serving_model_dir, "assets.extra", "readalike.json").read_text())
    epochs = training.pop("epochs")
    assert training == facts
    assert len(epochs) == 2
    assert np.isfinite([epoch["loss"] for epoch in epochs]).all()
    assert facts["pseudonym_key_id"] == "abc"
    assert (facts["users"], facts["books"]) == (READERS, TITLES)
    assert (facts["train_interactions"], facts["heldout_interactions"]) == (READERS * TITLES // 2 - READERS, READERS)
    assert facts["interactions_without_id"] == 88 * TITLES + 1
    assert facts["hyperparameters"] == Hyperparameters(embedding_dim=4, max_epochs=2, top_k=TITLES).model_dump()
    assert set(facts["holdout"]) == set(facts["popularity"]) == {"recall_at_20", "ndcg_at_20", "hit_rate_at_20"}


def test_what_is_exported_leaves_out_heldout_books_too_and_scores_strangers_by_shares(fn_args: SimpleNamespace) -> None:
    fn_args.custom_config["model_facts"] = None
    run_fn(fn_args)
    served = tf.saved_model.load(fn_args.serving_model_dir).signatures["serving_default"]
    answer = served(user_id=tf.constant(["reader-0", "stranger"]))
    known, stranger = answer["isbn"].numpy()
    assert sorted(known.tolist()) == sorted([*[b""] * 4, b"book 1", b"book 3", b"book 5", b"book 7"])
    assert len(set(stranger.tolist())) == TITLES
    shares = answer["score"].numpy()[1]
    assert ((shares > 0) & (shares <= 1)).all()
