"""No request takes much of a server's memory, whoever is asked for and however often."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from components.serving.serving_budget import ServingBudget
from components.serving.serving_validator import probe
from data.histories import Interactions, group_by_user
from tests.trainer.export.exports import export_towers
from trainer.models.towers import BookTowers

pytestmark = [pytest.mark.integration, pytest.mark.exhaustive]

USERS, BOOKS, DIM, NEAR, MOST_READ = 200, 3_000, 64, 10, 200


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of as many books as the sample's, with one reader of 200 of them and a sparse part."""
    random = np.random.default_rng(0)
    sizes = np.where(np.arange(USERS) == 0, MOST_READ, 10)
    read = [random.choice(BOOKS, size, replace=False) for size in sizes]
    histories = group_by_user(
        Interactions(np.repeat(np.arange(USERS), sizes).astype(np.int32), np.concatenate(read).astype(np.int32)), USERS
    )
    links = NEAR * BOOKS
    scores, books = random.random(links).astype(np.float32), random.integers(0, BOOKS, links)
    near = sparse.csr_matrix((scores, books, np.arange(0, links + 1, NEAR)), (BOOKS, BOOKS))
    towers = BookTowers(*random.normal(size=(2, BOOKS, DIM)).astype(np.float32), near)
    users = [b"%032d" % user for user in range(USERS)]
    folder = tmp_path_factory.mktemp("model") / "Format-Serving"
    return export_towers(folder, towers, users, [b"%010d" % book for book in range(BOOKS)], histories, 100)


def test_ten_thousand_times_the_most_active_reader_take_less_than_300_mib(model: Path) -> None:
    found = probe(str(model), ServingBudget())
    assert found["broken"] == []
    assert 0 < found["request_memory_mib"] < 300
