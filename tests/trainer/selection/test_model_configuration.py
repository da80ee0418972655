import numpy as np
import pytest

from data.histories import as_matrix
from tests.trainer.made_histories import BOOKS, FAST, random_histories
from trainer.fitting.schedule import Schedule
from trainer.fitting.training import train
from trainer.models import neighbour_slim, shrunk_svd
from trainer.models.item_item import reader_rows
from trainer.selection.model_configuration import BlendWeights, ModelConfiguration, as_json, fit

CONFIGURATION = ModelConfiguration(Schedule(16, 3), 0.1, 2)


@pytest.mark.integration
def test_towers_alone_are_what_training_gave() -> None:
    read = random_histories()
    towers = fit(read, BOOKS, CONFIGURATION, FAST)
    expected = train(read, BOOKS, FAST, Schedule(16, 3), embedding_dim=4, temperature=0.1, epochs=2).towers
    assert (towers.query_table == expected.query_table).all()
    assert (towers.candidate_table == expected.candidate_table).all()


@pytest.mark.integration
def test_a_blend_scores_as_its_parts_do_in_their_weights() -> None:
    """Wide enough that the compression loses nothing."""
    read, wide = random_histories(), FAST.model_copy(update={"embedding_dim": BOOKS})
    found = CONFIGURATION._replace(mix=BlendWeights(0, 1, 0.5), regression_settings=neighbour_slim.Settings(3, 2.0))
    matrix = as_matrix(read, BOOKS)
    rows = reader_rows(matrix)
    decomposition = shrunk_svd.decompose(matrix, FAST.seed)
    closed = shrunk_svd.towers(decomposition, found.closed_form_settings)
    scores = [rows.toarray() @ closed.query_table @ closed.candidate_table.T]
    [weights] = neighbour_slim.fit(matrix, [found.regression_settings])
    scores.append((rows @ weights).toarray())
    readers = np.flatnonzero(read.sizes())
    expected = sum(w * s / np.std(s[readers]) for w, s in zip((1.0, 0.5), scores, strict=True))
    towers = fit(read, BOOKS, found, wide)
    assert rows @ towers.query_table @ towers.candidate_table.T == pytest.approx(expected, abs=1e-2)


def test_a_recipe_can_be_written_as_json() -> None:
    written = as_json(CONFIGURATION)
    assert written["schedule"] == {"batch_users": 16, "epochs": 3}
    assert written["mix"] == {"trained": 1.0, "closed_form": 0.0, "regression": 0.0}
    assert written["closed_form_settings"] == {"popularity_damping": 0.25, "shrinkage": 3.0, "dim": 128}
    assert written["temperature"] == 0.1


@pytest.mark.integration
@pytest.mark.exhaustive
def test_fitting_twice_gives_the_same_bit_for_bit() -> None:
    found = CONFIGURATION._replace(mix=BlendWeights(1, 1, 0.5))
    first, second = (fit(random_histories(), BOOKS, found, FAST) for _ in range(2))
    assert (first.query_table == second.query_table).all()
    assert (first.candidate_table == second.candidate_table).all()
