import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from core.errors import DataError
from data.histories import Histories, Interactions, as_matrix, group_by_user
from trainer.export.holdout_model import HoldoutModel, hash_interactions, read_holdout_model
from trainer.export.quantised_table import stored
from trainer.fitting.schedule import Schedule
from trainer.hyperparameters import Hyperparameters
from trainer.models import neighbour_slim, shrunk_svd
from trainer.run import check_enough, check_histories, run_fn
from trainer.selection import model_configuration, selection
from trainer.selection.model_configuration import BlendWeights, ModelConfiguration, fit
from transform.features import FILLER_SCORE
from transform.vocabulary import Vocabulary


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


@pytest.mark.parametrize("sizes", [[], [0, 0], [1, 0, 1]])
def test_readers_of_one_book_are_too_little_and_the_remedy_is_told(sizes: list[int]) -> None:
    histories = Histories(np.array([0, *np.cumsum(sizes)], np.int32), np.zeros(sum(sizes), np.int32))
    with pytest.raises(DataError, match=r"--split\.min-reviews") as caught:
        check_histories(histories)
    assert f"no reader has more than {max(sizes, default=0)} book" in str(caught.value)


def test_one_reader_of_two_books_is_enough() -> None:
    check_histories(Histories(np.array([0, 1, 3], np.int32), np.array([0, 0, 1], np.int32)))


@pytest.mark.parametrize("field", ["embedding_dim", "batch_users", "learning_rate", "max_epochs", "top_k"])
def test_hyperparameters_have_bounds(field: str) -> None:
    for value in (0, 10**9, float("inf")):
        with pytest.raises(ValueError, match=field):
            Hyperparameters(**{field: value})


@pytest.mark.parametrize("temperatures", [(), (0,), (0.1, 11), (float("inf"),), (0.1,) * 11])
def test_temperatures_have_bounds_and_a_number(temperatures: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="temperatures"):
        Hyperparameters(temperatures=temperatures)


@pytest.mark.parametrize("share", [0, 1, 1.5])
def test_some_books_are_kept_and_some_are_found(share: float) -> None:
    with pytest.raises(ValueError, match="keep_share"):
        Hyperparameters(keep_share=share)


def test_a_seed_that_numpy_would_refuse_is_refused_before_any_work() -> None:
    tf.keras.utils.set_random_seed(Hyperparameters(seed=2**32 - 1).seed)
    with pytest.raises(ValueError, match="seed"):
        Hyperparameters(seed=2**32)


READERS, TITLES = 12, 10
PARAMETERS = {"embedding_dim": 4, "max_epochs": 2, "temperatures": (0.1, 0.2), "top_k": TITLES}

CELLS = [(user, book) for user in range(READERS) for book in range(TITLES) if (user + book) % 2 == 0]
HELDOUT = [(user, user % TITLES) for user in range(READERS)]
TRAIN = [cell for cell in CELLS if cell not in HELDOUT]
NAMES = [f"reader-{user}".encode() for user in range(READERS)], [f"book {book}".encode() for book in range(TITLES)]


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


def make_fn_args(folder: Path, heldout: list[tuple[int, int]]) -> SimpleNamespace:
    """What TFX gives; every book was also read by 88 users who got no id, as `vocabulary.max_users` makes it."""
    strangers = [(-1, book) for book in range(TITLES)] * 88
    counts = [88 + sum(book == read for _, read in TRAIN) for book in range(TITLES)]
    write_vocabulary(folder / "user_vocabulary", [f"reader-{user}" for user in range(READERS)], [3] * READERS)
    write_vocabulary(folder / "isbn_vocabulary", [f"book {book}" for book in range(TITLES)], counts)
    return SimpleNamespace(
        transform_graph_path=str(folder),
        train_files=[write_split(folder / "train", TRAIN + strangers)],
        eval_files=[write_split(folder / "eval", [*heldout, (0, -1)])],
        model_run_dir=str(folder / "model_run"),
        serving_model_dir=str(folder / "Format-Serving"),
        custom_config={
            "hyperparameters": PARAMETERS,
            "model_facts": {"pseudonym_key_id": "abc"},
        },
        hyperparameters=None,
    )


@pytest.fixture(scope="module", autouse=True)
def transformed() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "trainer.run.tft.TFTransformOutput",
            lambda folder: SimpleNamespace(vocabulary_file_by_name=lambda name: f"{folder}/{name}"),
        )
        yield


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, transformed: None) -> SimpleNamespace:
    fn_args = make_fn_args(tmp_path_factory.mktemp("run"), HELDOUT)
    run_fn(fn_args)
    return fn_args


def recorded(fn_args: SimpleNamespace) -> dict[str, Any]:
    return json.loads(Path(fn_args.model_run_dir, "training.json").read_text())


def holdout_model_of(fn_args: SimpleNamespace) -> HoldoutModel:
    return read_holdout_model(f"{fn_args.serving_model_dir}/assets.extra/twin.npz")


def ask(fn_args: SimpleNamespace, *users: str) -> tuple[np.ndarray, np.ndarray]:
    answer = tf.saved_model.load(fn_args.serving_model_dir).signatures["serving_default"](user_id=tf.constant(users))
    return answer["isbn"].numpy(), answer["score"].numpy()


@pytest.mark.integration
def test_a_run_chooses_records_and_exports(done: SimpleNamespace) -> None:
    training = recorded(done)
    facts = json.loads(Path(done.serving_model_dir, "assets.extra", "readalike.json").read_text())
    validation = training.pop("validation")
    assert training == facts
    assert validation["users"] == READERS
    assert [trial["temperature"] for trial in validation["trials"]] == [0.1, 0.2]
    assert all(np.isfinite([epoch["loss"] for epoch in trial["epochs"]]).all() for trial in validation["trials"])
    assert [len(trial["epochs"]) for trial in validation["trials"]] == [2, 2]
    assert facts["pseudonym_key_id"] == "abc"
    assert (facts["users"], facts["books"]) == (READERS, TITLES)
    assert (facts["train_interactions"], facts["heldout_interactions"]) == (len(TRAIN), READERS)
    assert facts["interactions_without_id"] == 88 * TITLES + 1
    assert facts["hyperparameters"] == Hyperparameters(**PARAMETERS).model_dump(mode="json")
    assert facts["recipe"]["schedule"] == {"batch_users": READERS, "epochs": 2}
    assert facts["recipe"]["temperature"] in (0.1, 0.2)
    assert sorted(path.name for path in Path(done.model_run_dir).glob("temperature-*")) == [
        "temperature-0.1",
        "temperature-0.2",
    ]


@pytest.mark.integration
def test_the_projector_shows_the_vectors_that_are_served(done: SimpleNamespace) -> None:
    """Served ones are stored at 8 bits."""
    folder = Path(done.model_run_dir, "books")
    titles = [line.split("\t")[0] for line in (folder / "labels.tsv").read_text().splitlines()[1:]]
    assert sorted(titles) == sorted(name.decode() for name in NAMES[1])
    vectors = np.fromfile(folder / "vectors.bytes", np.float32).reshape(TITLES, -1)
    served = tf.saved_model.load(done.serving_model_dir).signatures["book_embedding"](isbn=tf.constant(titles))
    assert vectors == pytest.approx(served["embedding"].numpy(), abs=0.02)


@pytest.mark.integration
def test_what_is_exported_leaves_out_heldout_books_too_and_scores_strangers_by_shares(done: SimpleNamespace) -> None:
    (known, stranger), scores = ask(done, "reader-0", "stranger")
    assert sorted(known.tolist()) == [*[b""] * 5, b"book 1", b"book 3", b"book 5", b"book 7", b"book 9"]
    assert len(set(stranger.tolist())) == TITLES
    readers = np.bincount([book for _, book in TRAIN + HELDOUT], minlength=TITLES)
    assert scores[1] == pytest.approx(np.sort(readers)[::-1] / READERS)


@pytest.mark.integration
def test_the_holdout_changes_the_served_model_and_neither_the_choice_nor_the_twin(
    done: SimpleNamespace, tmp_path: Path
) -> None:
    other = make_fn_args(tmp_path, [(user, (user + 1) % TITLES) for user in range(READERS)])
    other.custom_config["model_facts"] = None
    run_fn(other)
    first, second = recorded(done), recorded(other)
    for trial in first["validation"]["trials"] + second["validation"]["trials"]:
        for epoch in trial["epochs"]:
            del epoch["seconds"]
    assert first["recipe"] == second["recipe"]
    assert first["validation"] == second["validation"]
    towers, other_towers = holdout_model_of(done).towers, holdout_model_of(other).towers
    assert (towers.query_table == other_towers.query_table).all()
    assert (towers.candidate_table == other_towers.candidate_table).all()
    assert sorted(ask(done, "reader-0")[0][0].tolist()) != sorted(ask(other, "reader-0")[0][0].tolist())


@pytest.mark.integration
def test_the_twin_is_fitted_on_the_training_books_and_the_served_model_on_all(done: SimpleNamespace) -> None:
    found = recorded(done)["recipe"]
    nested = {
        "schedule": Schedule,
        "mix": BlendWeights,
        "closed_form_settings": shrunk_svd.Settings,
        "regression_settings": neighbour_slim.Settings,
    }
    found = ModelConfiguration(**{**found, **{name: kind(**found[name]) for name, kind in nested.items()}})
    training, everything = (
        group_by_user(Interactions(*np.array(pairs, np.int32).T), READERS) for pairs in (TRAIN, TRAIN + HELDOUT)
    )
    holdout_models, served = (
        fit(histories, TITLES, found, Hyperparameters(**PARAMETERS)) for histories in (training, everything)
    )
    holdout_models, served = (
        towers._replace(
            query_table=stored(towers.query_table).restored(), candidate_table=stored(towers.candidate_table).restored()
        )
        for towers in (holdout_models, served)
    )
    assert holdout_model_of(done).towers.candidate_table == pytest.approx(holdout_models.candidate_table, abs=1e-6)
    users = np.arange(READERS, dtype=np.int32)
    scores, other = (towers.scores(everything, users) for towers in (served, holdout_models))
    read = as_matrix(everything, TITLES).toarray() > 0
    scores[read] = FILLER_SCORE
    found = ask(done, *[name.decode() for name in NAMES[0]])[1]
    assert found == pytest.approx(-np.sort(-scores), abs=1e-4)
    assert np.abs(scores - other)[~read].max() > 1e-2


@pytest.mark.integration
@pytest.mark.exhaustive
@pytest.mark.parametrize(("negligible", "trainings"), [(0.0, 4), (1.0, 3)])
def test_the_twin_takes_the_towers_of_the_choice_where_next_to_nothing_was_withheld(
    negligible: float, trainings: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two temperatures are tried, then the hold-out model and the served model are fitted."""
    trained = []
    real = model_configuration.train
    for module in (selection, model_configuration):
        monkeypatch.setattr(module, "train", lambda *args, **options: trained.append(options) or real(*args, **options))
    monkeypatch.setattr("trainer.run.NEGLIGIBLE_SHARE", negligible)
    fn_args = make_fn_args(tmp_path, HELDOUT)
    fn_args.custom_config["hyperparameters"] = PARAMETERS | {"parts": ("trained",)}
    run_fn(fn_args)
    assert len(trained) == trainings


@pytest.mark.integration
def test_the_twin_names_the_training_interactions_and_knows_all_books(done: SimpleNamespace) -> None:
    holdout_model = holdout_model_of(done)
    trained, heldout = (
        hash_interactions(*NAMES, Interactions(*np.array(some, np.int32).T)) for some in (TRAIN, HELDOUT)
    )
    assert holdout_model.books == NAMES[1]
    assert holdout_model.trained_on.tolist() == sorted(trained.tolist())
    assert not np.isin(heldout, holdout_model.trained_on).any()
    assert holdout_model.towers.query_table.shape == holdout_model.towers.candidate_table.shape
    assert holdout_model.towers.query_table.shape[1] <= 4


def test_readers_of_one_book_end_the_run_before_anything_is_written(tmp_path: Path) -> None:
    fn_args = make_fn_args(tmp_path, HELDOUT)
    fn_args.train_files = [write_split(tmp_path / "one", [(user, user % TITLES) for user in range(READERS)])]
    with pytest.raises(DataError, match=r"--split\.min-reviews"):
        run_fn(fn_args)
    assert not Path(fn_args.model_run_dir).exists()
    assert not Path(fn_args.serving_model_dir).exists()


@pytest.mark.integration
def test_what_the_tuner_found_replaces_what_is_configured(tmp_path: Path) -> None:
    fn_args = make_fn_args(tmp_path, HELDOUT)
    fn_args.hyperparameters = {"parts": ["closed_form"], "embedding_dim": 5}
    run_fn(fn_args)
    expected = Hyperparameters(**{**PARAMETERS, "parts": ("closed_form",), "embedding_dim": 5})
    assert recorded(fn_args)["hyperparameters"] == expected.model_dump(mode="json")
    assert recorded(fn_args)["recipe"]["mix"]["trained"] == 0
