from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from tensorboard.plugins.projector import ProjectorConfig

from trainer.fitting.projector import label, write_projector
from transform.vocabulary import Vocabulary

TITLES = [b"Dune", b"a\tb\nc\rd\\t", "Ünï\u2028code".encode(), b"Emma"]
BOOKS = Vocabulary(TITLES, np.array([3, 9, 3, 5]))
VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3) - 5.5


def read(folder: Path) -> tuple[np.ndarray, list[list[str]]]:
    """What the files hold, by what the configuration says of them."""
    config = ProjectorConfig()
    text_format.Parse((folder / "projector_config.pbtxt").read_text(), config)
    [embedding] = config.embeddings
    vectors = np.fromfile(folder / embedding.tensor_path, np.float32).reshape(list(embedding.tensor_shape))
    lines = (folder / embedding.metadata_path).read_bytes().decode().rstrip("\n").split("\n")
    return vectors, [line.split("\t") for line in lines]


def test_the_most_read_books_come_first_with_their_titles_and_readers(tmp_path: Path) -> None:
    write_projector(VECTORS, BOOKS, str(tmp_path))
    vectors, labels = read(tmp_path / "books")
    assert (vectors == VECTORS[[1, 3, 0, 2]]).all()
    assert labels == [
        ["title", "readers"],
        ["a\\tb\\nc\\rd\\\\t", "9"],
        ["Emma", "5"],
        ["Dune", "3"],
        ["Ünï\u2028code", "3"],
    ]


def test_no_more_books_than_a_browser_can_draw(tmp_path: Path) -> None:
    write_projector(VECTORS, BOOKS, str(tmp_path), most=2)
    vectors, labels = read(tmp_path / "books")
    assert (vectors == VECTORS[[1, 3]]).all()
    assert len(labels) == 3


@pytest.mark.parametrize("title", [b"\t", b"\n", b"\\", b"\\n", b"\r\n", b"plain"])
def test_a_label_is_one_cell_and_no_two_titles_have_the_same(title: bytes) -> None:
    shown = label(title)
    assert not set("\t\n\r") & set(shown)
    assert shown.encode().decode("unicode_escape").encode() == title
