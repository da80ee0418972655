import numpy as np
import pytest

from benchmarks.baselines import models
from benchmarks.baselines.tuning import tuned_settings
from data.histories import Histories, Interactions, as_matrix, group_by_user
from evaluation.ranking import Rankings, rank

USERS, BOOKS = 40, 30
OWN = np.add.outer(np.arange(USERS), np.arange(BOOKS)) % 2 == 0
WITHHELD = OWN & (np.add.outer(np.arange(USERS), np.arange(BOOKS) // 2) % 5 == 0)
ASKED = np.array([3, 38, 0, 11], np.int32)
ALL = tuple(models.GRIDS)


def histories(pairs: np.ndarray) -> Histories:
    return group_by_user(Interactions(*(axis.astype(np.int32) for axis in np.nonzero(pairs))), USERS)


@pytest.fixture(autouse=True)
def small_grids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(models.GRIDS, "implicit_als", {"factors": (4,), "alpha": (10,), "regularisation": (1,)})
    monkeypatch.setitem(models.GRIDS, "item_knn", {"neighbours": (20,)})


def ranked(names: tuple[str, ...] = ALL, seed: int = 0) -> dict[str, Rankings]:
    """Tunes and fits each baseline as `make bench-quality` does. One that cannot take the books is left out."""
    training, found = histories(OWN & ~WITHHELD), {}
    for name in names:
        settings = tuned_settings(name, training, BOOKS, seed)
        if settings is not None:
            scorer = models.fit(name, as_matrix(training, BOOKS), settings, seed)
            found[name] = rank(scorer, ASKED, training, histories(WITHHELD), BOOKS, 6)
    return found


def test_baselines_are_ranked_for_the_users_that_are_asked_for() -> None:
    found = ranked()
    assert tuple(found) == ALL
    for rankings in found.values():
        assert rankings.users.tolist() == ASKED.tolist()
        assert rankings.books.shape == (4, 6)
        assert rankings.relevant.tolist() == WITHHELD[ASKED].sum(axis=1).tolist() == [3] * 4
        for row, user in enumerate(ASKED):
            assert not (OWN & ~WITHHELD)[user, rankings.books[row]].any()
            assert rankings.hits[row].tolist() == WITHHELD[user, rankings.books[row]].tolist()


def test_baselines_that_learn_find_the_withheld_books_of_a_checkerboard() -> None:
    found = ranked()
    for name in ("item_knn", "ease", "implicit_als"):
        assert found[name].hits[:, :3].all(), name
    assert not found["popularity"].hits[:, :3].all()


def test_baselines_are_fitted_on_all_training_books_and_tuned_on_some() -> None:
    """Popularity counts everything, what validation withholds too."""
    counts = (OWN & ~WITHHELD).sum(axis=0)
    found = ranked(("popularity",))["popularity"]
    for row, user in enumerate(ASKED):
        unread = [book for book in range(BOOKS) if not (OWN & ~WITHHELD)[user, book]]
        best = sorted(unread, key=lambda book: -counts[book])[:6]
        assert found.books[row].tolist() == best


def test_the_settings_are_tuned_without_the_heldout_books(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = models.tuned

    def tuned(name, interactions, validate, seed):
        seen.append((interactions.toarray() > 0, result := real(name, interactions, validate, seed)))
        return result

    monkeypatch.setattr(models, "tuned", tuned)
    ranked(("item_knn",))
    [(left, (settings, score))] = seen
    assert settings == {"neighbours": 20}
    training = OWN & ~WITHHELD
    assert not (left & ~training).any()
    assert (training.sum(axis=1) - left.sum(axis=1)).tolist() == [1] * USERS  # a tenth of twelve, at least one
    assert score == 1  # 20 places have room for the five books of the own colour


def test_a_baseline_that_cannot_take_so_many_books_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "EASE_MAX_BOOKS", BOOKS - 1)
    assert list(ranked(("ease", "popularity"))) == ["popularity"]
    monkeypatch.setattr(models, "EASE_MAX_BOOKS", BOOKS)
    assert list(ranked(("ease", "popularity"))) == ["ease", "popularity"]


def test_the_settings_are_those_that_find_most_of_what_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five places have room for the unread books of the own colour, if all their neighbours speak for them."""
    monkeypatch.setattr("benchmarks.baselines.tuning.K", 5)
    monkeypatch.setitem(models.GRIDS, "item_knn", {"neighbours": (1, 14)})
    assert tuned_settings("item_knn", histories(OWN & ~WITHHELD), BOOKS, seed=0) == {"neighbours": 14}
    monkeypatch.setattr(models, "EASE_MAX_BOOKS", BOOKS - 1)
    assert tuned_settings("ease", histories(OWN & ~WITHHELD), BOOKS, seed=0) is None


def test_the_same_seed_gives_the_same_rankings() -> None:
    for one, other in zip(ranked().values(), ranked().values(), strict=True):
        assert (one.books == other.books).all()
