"""The exported SavedModel, asked in a process that knows nothing but TensorFlow."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from data.histories import Histories, Interactions, group_by_user
from trainer.export.holdout_model import HoldoutModel, read_holdout_model
from trainer.export.quantised_table import stored
from trainer.export.saved_model import export
from trainer.hyperparameters import Hyperparameters
from trainer.models.towers import BookTowers
from transform.features import FILLER_SCORE
from transform.vocabulary import Vocabulary

pytestmark = pytest.mark.integration

USERS = [f"reader-{number}".encode() for number in range(6)]
BOOKS = ["Dune", "Émile", "a, b", "zwei\nZeilen", "0007", "日本"]
COUNTS = np.array([5, 4, 4, 2, 1, 1], np.int64)
READ = {0: [0, 1], 1: [2], 2: [0, 1, 2, 3, 4, 5], 3: [5, 4, 3], 4: [1], 5: [0, 2]}


def histories() -> Histories:
    pairs = [(user, book) for user, books in READ.items() for book in books]
    return group_by_user(Interactions(*np.array(pairs, np.int32).T), len(USERS))


def random_towers(seed: int) -> BookTowers:
    """Returns towers whose vectors are stored as they are."""
    tables = np.random.default_rng(seed).normal(size=(2, len(BOOKS), 5)).astype(np.float32)
    return BookTowers(*(stored(table).restored() for table in tables))


TOWERS = random_towers(0)
TWIN = HoldoutModel(random_towers(1), [book.encode() for book in BOOKS], np.array([3, 2**32 - 1], np.uint32))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "Format-Serving"
    for left in (folder, folder.with_name("Format-Serving.incomplete")):
        (left / "assets").mkdir(parents=True)
        (left / "assets" / "left by another run").touch()
    export(
        TOWERS,
        TWIN,
        Vocabulary(USERS, COUNTS),
        Vocabulary([book.encode() for book in BOOKS], COUNTS),
        histories(),
        Hyperparameters(top_k=4),
        {"recall": 0.5},
        str(folder),
    )
    return folder


@pytest.fixture(scope="module")
def loaded(exported: Path):
    return tf.saved_model.load(str(exported))


def ask(loaded, users: list[str]) -> tuple[list[list[str]], np.ndarray, list[bool]]:
    answer = loaded.signatures["serving_default"](user_id=tf.constant(users, tf.string))
    isbns = [[isbn.decode() for isbn in row] for row in answer["isbn"].numpy()]
    return isbns, answer["score"].numpy(), answer["known_user"].numpy().tolist()


def test_a_reader_gets_the_unread_books_that_the_towers_score_best(loaded) -> None:
    expected = TOWERS.scores(histories(), np.arange(6, dtype=np.int32))
    isbns, scores, known = ask(loaded, [user.decode() for user in USERS])
    assert known == [True] * 6
    for user, read in READ.items():
        unread = sorted((book for book in range(6) if book not in read), key=lambda book: -expected[user, book])[:4]
        assert isbns[user] == [BOOKS[book] for book in unread] + [""] * (4 - len(unread))
        assert scores[user, : len(unread)] == pytest.approx(expected[user, unread], abs=1e-6)
        assert (scores[user, len(unread) :] == FILLER_SCORE).all()


def test_a_model_without_a_sparse_part_has_none_in_its_vectors(loaded) -> None:
    answer = loaded.signatures["user_embedding"](user_id=tf.constant(["reader-0", "nobody"]))
    assert answer["near_isbn"].shape == answer["near_score"].shape == (2, 0)
    assert answer["embedding"].shape == (2, 5)


def test_strangers_get_the_most_popular_books_scored_by_their_share_of_readers(loaded) -> None:
    """The middle review is of a reader of 3 books: readers of 2 count 2/3, those of 1 count 1/3, all together 4."""
    isbns, scores, known = ask(loaded, ["nobody", ""])
    assert known == [False, False]
    assert isbns == [["Dune", "Émile", "a, b", "zwei\nZeilen"]] * 2
    assert scores[0] == pytest.approx(np.array([7 / 3, 2, 2, 2]) / 4)


def test_an_empty_batch_gets_an_empty_answer(loaded) -> None:
    isbns, scores, known = ask(loaded, [])
    assert (isbns, known) == ([], [])
    assert scores.shape == (0, 4)


def test_an_answer_does_not_depend_on_the_batch_it_is_in(loaded) -> None:
    together, _, _ = ask(loaded, ["reader-3", "nobody", "reader-0"])
    alone = [ask(loaded, [user])[0][0] for user in ("reader-3", "nobody", "reader-0")]
    assert together == alone


def test_people_can_look_at_what_was_read_and_at_example_readers(loaded) -> None:
    read = loaded.read_books(tf.constant(["reader-3", "nobody", "reader-1"])).numpy().tolist()
    assert [[isbn.decode() for isbn in row if isbn] for row in read] == [["日本", "0007", "zwei\nZeilen"], [], ["a, b"]]
    examples = loaded.example_users(tf.constant(3)).numpy().tolist()
    assert len(set(examples)) == 3
    assert set(examples) <= set(USERS)


def test_the_graph_has_stock_operations_only(exported) -> None:
    graph = saved_model_pb2.SavedModel.FromString((exported / "saved_model.pb").read_bytes()).meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    assert len(nodes) > 50
    assert not {node.op for node in nodes if "PyFunc" in node.op or "Xla" in node.op}
    assert not [node.name for node in nodes if "_XlaMustCompile" in node.attr and node.attr["_XlaMustCompile"].b]


def test_a_fresh_process_with_tensorflow_alone_gives_the_same_answer(exported, loaded) -> None:
    program = (
        "import json, sys, tensorflow as tf\n"
        "ask = tf.saved_model.load(sys.argv[1]).signatures['serving_default']\n"
        "answer = ask(user_id=tf.constant(['reader-0', 'x']))\n"
        "print(json.dumps([[isbn.decode() for isbn in row] for row in answer['isbn'].numpy()]))\n"
        "assert 'tensorflow_recommenders' not in sys.modules and 'tfx' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(exported)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == ask(loaded, ["reader-0", "x"])[0]


def test_the_model_and_its_twin_are_rounded_alike(tmp_path: Path) -> None:
    """What the gate measures, the hold-out model, loses to rounding what the served model loses."""
    tables = np.random.default_rng(2).normal(size=(2, len(BOOKS), 37)).astype(np.float32)
    books = [book.encode() for book in BOOKS]
    towers = BookTowers(*tables)
    export(
        towers,
        HoldoutModel(towers, books, np.zeros(0, np.uint32)),
        Vocabulary(USERS, COUNTS),
        Vocabulary(books, COUNTS),
        histories(),
        Hyperparameters(top_k=4),
        {},
        str(tmp_path / "model"),
    )
    served = tf.saved_model.load(str(tmp_path / "model")).signatures["book_embedding"](isbn=tf.constant(BOOKS))
    holdout_model = read_holdout_model(str(tmp_path / "model" / "assets.extra" / "twin.npz"))
    assert (served["embedding"].numpy() == holdout_model.towers.candidate_table).all()
    assert (holdout_model.towers.candidate_table != tables[1]).any()


def test_the_twin_goes_with_the_model(exported) -> None:
    holdout_model = read_holdout_model(str(exported / "assets.extra" / "twin.npz"))
    assert (holdout_model.books, holdout_model.trained_on.tolist()) == (TWIN.books, [3, 2**32 - 1])
    users = np.arange(6, dtype=np.int32)
    found, expected = (towers.scores(histories(), users) for towers in (holdout_model.towers, TWIN.towers))
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_facts_stand_where_tf_serving_does_not_look(exported) -> None:
    assert json.loads((exported / "assets.extra" / "readalike.json").read_text()) == {"recall": 0.5}
    assert not exported.with_name("Format-Serving.incomplete").exists()


def test_what_another_run_left_is_not_exported(exported) -> None:
    assert [path.name for path in (exported / "assets").iterdir()] == ["user_vocabulary.txt"]
