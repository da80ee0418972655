"""The exported SavedModel, asked in a process that knows nothing but TensorFlow."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from trainer.export import export
from trainer.hyperparameters import Hyperparameters
from trainer.interactions import Interactions, group_by_user
from trainer.two_tower_model import TwoTowerModel
from trainer.vocabulary import Vocabulary

USERS = [f"reader-{number}".encode() for number in range(6)]
BOOKS = ["Dune", "Émile", "a, b", "zwei\nZeilen", "0007", "日本"]
COUNTS = np.array([5, 4, 4, 2, 1, 1], np.int64)
READ = {0: [0, 1], 1: [2], 2: [0, 1, 2, 3, 4, 5], 3: [5, 4, 3], 4: [1], 5: [0, 2]}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TwoTowerModel]:
    pairs = [(user, book) for user, books in READ.items() for book in books]
    histories = group_by_user(Interactions(*np.array(pairs, np.int32).T), len(USERS))
    model = TwoTowerModel(histories, COUNTS, embedding_dim=4, temperature=0.1, seed=5)
    folder = tmp_path_factory.mktemp("export") / "Format-Serving"
    (folder.parent / "Format-Serving.incomplete" / "assets").mkdir(parents=True)
    (folder.parent / "Format-Serving.incomplete" / "assets" / "left by a killed run").touch()
    export(
        model,
        Vocabulary(USERS, COUNTS),
        Vocabulary([book.encode() for book in BOOKS], COUNTS),
        histories,
        Hyperparameters(top_k=4),
        {"recall": 0.5},
        str(folder),
    )
    return folder, model


@pytest.fixture(scope="module")
def loaded(exported: tuple[Path, TwoTowerModel]):
    return tf.saved_model.load(str(exported[0]))


def ask(loaded, users: list[str]) -> tuple[list[list[str]], np.ndarray, list[bool]]:
    answer = loaded.signatures["serving_default"](user_id=tf.constant(users, tf.string))
    isbns = [[isbn.decode() for isbn in row] for row in answer["isbn"].numpy()]
    return isbns, answer["score"].numpy(), answer["known_user"].numpy().tolist()


def test_a_reader_gets_the_best_unread_books_by_cosine(exported, loaded) -> None:
    model = exported[1]
    cosines = model.scores(np.arange(6, dtype=np.int32)).numpy()
    isbns, scores, known = ask(loaded, [user.decode() for user in USERS])
    assert known == [True] * 6
    for user, read in READ.items():
        unread = sorted((book for book in range(6) if book not in read), key=lambda book: -cosines[user, book])[:4]
        assert isbns[user] == [BOOKS[book] for book in unread] + [""] * (4 - len(unread))
        assert scores[user, : len(unread)] == pytest.approx(cosines[user, unread], abs=1e-6)
        assert np.isneginf(scores[user, len(unread) :]).all()


def test_strangers_get_the_most_popular_books_scored_by_their_share_of_readers(loaded) -> None:
    isbns, scores, known = ask(loaded, ["nobody", ""])
    assert known == [False, False]
    assert isbns == [["Dune", "Émile", "a, b", "zwei\nZeilen"]] * 2
    assert scores[0] == pytest.approx(COUNTS[:4] / 6)


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
    graph = (
        saved_model_pb2.SavedModel.FromString((exported[0] / "saved_model.pb").read_bytes()).meta_graphs[0].graph_def
    )
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
    done = subprocess.run(
        [sys.executable, "-c", program, str(exported[0])], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == ask(loaded, ["reader-0", "x"])[0]


def test_the_facts_stand_where_tf_serving_does_not_look(exported) -> None:
    assert json.loads((exported[0] / "assets.extra" / "readalike.json").read_text()) == {"recall": 0.5}
    assert not exported[0].with_name("Format-Serving.incomplete").exists()


def test_what_a_killed_run_left_is_not_exported(exported) -> None:
    assert [path.name for path in (exported[0] / "assets").iterdir()] == ["user_vocabulary.txt"]
