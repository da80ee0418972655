import numpy as np
import pytest

from trainer import baselines
from trainer.interactions import Histories, Interactions, group_by_user
from trainer.peers import rank_peers, tuned_settings
from trainer.ranking import Rankings

USERS, BOOKS = 40, 30
OWN = np.add.outer(np.arange(USERS), np.arange(BOOKS)) % 2 == 0
WITHHELD = OWN & (np.add.outer(np.arange(USERS), np.arange(BOOKS) // 2) % 5 == 0)
ASKED = np.array([3, 38, 0, 11], np.int32)
ALL = tuple(baselines.GRIDS)


def histories(pairs: np.ndarray) -> Histories:
    return group_by_user(Interactions(*(axis.astype(np.int32) for axis in np.nonzero(pairs))), USERS)


@pytest.fixture(autouse=True)
def small_grids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(baselines.GRIDS, "implicit_als", {"factors": (4,), "alpha": (10,), "regularisation": (1,)})
    monkeypatch.setitem(baselines.GRIDS, "item_knn", {"neighbours": (20,)})


def ranked(peers: tuple[str, ...] = ALL, seed: int = 0) -> dict[str, Rankings]:
    return rank_peers(peers, histories(OWN & ~WITHHELD), histories(WITHHELD), ASKED, BOOKS, 6, seed)


def test_peers_are_ranked_for_the_users_that_are_asked_for() -> None:
    found = ranked()
    assert tuple(found) == ALL
    for rankings in found.values():
        assert rankings.users.tolist() == ASKED.tolist()
        assert rankings.books.shape == (4, 6)
        assert rankings.relevant.tolist() == WITHHELD[ASKED].sum(axis=1).tolist() == [3] * 4
        for row, user in enumerate(ASKED):
            assert not (OWN & ~WITHHELD)[user, rankings.books[row]].any()
            assert rankings.hits[row].tolist() == WITHHELD[user, rankings.books[row]].tolist()


def test_peers_that_learn_find_the_withheld_books_of_a_checkerboard() -> None:
    found = ranked()
    for name in ("item_knn", "ease", "implicit_als"):
        assert found[name].hits[:, :3].all(), name
    assert not found["popularity"].hits[:, :3].all()


def test_peers_are_fitted_on_all_training_books_and_tuned_on_some() -> None:
    """Popularity counts everything, what validation withholds too."""
    counts = (OWN & ~WITHHELD).sum(axis=0)
    found = ranked(("popularity",))["popularity"]
    for row, user in enumerate(ASKED):
        unread = [book for book in range(BOOKS) if not (OWN & ~WITHHELD)[user, book]]
        best = sorted(unread, key=lambda book: -counts[book])[:6]
        assert found.books[row].tolist() == best


def test_the_settings_are_tuned_without_the_heldout_books(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = baselines.tuned

    def tuned(name, interactions, validate, seed):
        seen.append((interactions.toarray() > 0, result := real(name, interactions, validate, seed)))
        return result

    monkeypatch.setattr(baselines, "tuned", tuned)
    ranked(("item_knn",))
    [(left, (settings, score))] = seen
    assert settings == {"neighbours": 20}
    training = OWN & ~WITHHELD
    assert not (left & ~training).any()
    assert (training.sum(axis=1) - left.sum(axis=1)).tolist() == [1] * USERS  # a tenth of twelve, at least one
    assert score == 1  # 20 places have room for the five books of the own colour


def test_a_peer_that_cannot_take_so_many_books_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "EASE_MAX_BOOKS", BOOKS - 1)
    assert list(ranked(("ease", "popularity"))) == ["popularity"]
    monkeypatch.setattr(baselines, "EASE_MAX_BOOKS", BOOKS)
    assert list(ranked(("ease", "popularity"))) == ["ease", "popularity"]


def test_the_settings_are_those_that_find_most_of_what_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five places have room for the unread books of the own colour, if all their neighbours speak for them."""
    monkeypatch.setattr("trainer.peers.K", 5)
    monkeypatch.setitem(baselines.GRIDS, "item_knn", {"neighbours": (1, 14)})
    assert tuned_settings("item_knn", histories(OWN & ~WITHHELD), BOOKS, seed=0) == {"neighbours": 14}
    monkeypatch.setattr(baselines, "EASE_MAX_BOOKS", BOOKS - 1)
    assert tuned_settings("ease", histories(OWN & ~WITHHELD), BOOKS, seed=0) is None


def test_no_peers_are_an_empty_answer() -> None:
    assert ranked(()) == {}


def test_the_same_seed_gives_the_same_rankings() -> None:
    for one, other in zip(ranked().values(), ranked().values(), strict=True):
        assert (one.books == other.books).all()
