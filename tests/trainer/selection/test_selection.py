from pathlib import Path

import numpy as np
import pytest

from data.histories import Histories, as_matrix, withheld
from evaluation.ranking import mean_recall
from tests.trainer.made_histories import BOOKS, FAST, USERS, checkerboard, histories, random_histories
from trainer.fitting.schedule import Schedule
from trainer.fitting.training import train
from trainer.hyperparameters import Hyperparameters
from trainer.models import neighbour_slim, shrunk_svd
from trainer.models.item_item import ItemItemModel, as_towers, of_sparse, of_towers, reader_rows, standardised, summed
from trainer.selection import selection
from trainer.selection.model_configuration import BlendWeights, ModelConfiguration, fit
from trainer.selection.selection import BLENDS, ModelSelection, choose

ALONE = FAST.model_copy(update={"parts": ("trained",), "temperatures": (0.1,)})


def chosen(read: Histories, folder: Path, parameters: Hyperparameters = FAST) -> ModelSelection:
    return choose(read, BOOKS, parameters, str(folder))


def without_seconds(choice: ModelSelection) -> list[object]:
    trials = [
        [{name: value for name, value in epoch.items() if name != "seconds"} for epoch in trial["epochs"]]
        for trial in choice.validation["trials"]
    ]
    return [choice.configuration, {**choice.validation, "trials": trials}]


@pytest.fixture(scope="module")
def choices(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelSelection]:
    reads = {"checkerboard": checkerboard(), "random": random_histories()}
    return {name: chosen(read, tmp_path_factory.mktemp(name)) for name, read in reads.items()}


@pytest.mark.integration
@pytest.mark.parametrize("name", ["checkerboard", "random"])
def test_temperature_and_epochs_are_the_best_that_were_tried(name: str, choices: dict[str, ModelSelection]) -> None:
    found, validation = choices[name][:2]
    assert validation["users"] > 30
    best = {
        trial["temperature"]: max(epoch["recall_at_20"] for epoch in trial["epochs"]) for trial in validation["trials"]
    }
    assert list(best) == [0.1, 0.3]
    assert best[found.temperature] == max(best.values()) <= validation["recall_at_20"]
    [epochs] = [trial["epochs"] for trial in validation["trials"] if trial["temperature"] == found.temperature]
    assert epochs[found.epochs - 1]["recall_at_20"] == max(best.values())


@pytest.mark.integration
def test_settings_and_weights_are_the_best_of_what_is_tried_in_turn(tmp_path: Path) -> None:
    """Worked out again, part by part, without the functions that chose. Towers that hardly learn are not left alone."""
    slow = FAST.model_copy(update={"max_epochs": 1, "learning_rate": 1e-4})
    read = random_histories()
    found, validation = chosen(read, tmp_path, slow)[:2]
    users = np.flatnonzero(read.sizes() >= 3).astype(np.int32)
    left, out = withheld(read, users, 0.1, FAST.seed)
    matrix = as_matrix(left, BOOKS)
    rows = reader_rows(matrix)

    def recall(item_item: ItemItemModel) -> float:
        return mean_recall(lambda block: item_item.scores(rows[block]), users, left, out, BOOKS, 20)

    decomposition = shrunk_svd.decompose(matrix, FAST.seed)
    forms: dict[shrunk_svd.Settings, float] = {}
    best = shrunk_svd.Settings()
    for name, values in shrunk_svd.TRIED.items():
        for settings in (best._replace(**{name: value}) for value in values):
            forms[settings] = recall(of_towers(shrunk_svd.towers(decomposition, settings)))
        best = max(forms, key=lambda settings: forms[settings])
    assert found.closed_form_settings == best
    assert len(forms) == 7
    assert min(forms.values()) < forms[best]
    closed = standardised(of_towers(shrunk_svd.towers(decomposition, found.closed_form_settings)), rows)
    towers = train(
        left, BOOKS, slow, Schedule(16, 1), embedding_dim=4, temperature=found.temperature, epochs=found.epochs
    ).towers
    trained = standardised(of_towers(towers), rows)
    fits = neighbour_slim.fit(matrix, neighbour_slim.SETTINGS)
    regressions = {
        settings: standardised(of_sparse(weights), rows)
        for settings, weights in zip(neighbour_slim.SETTINGS, fits, strict=True)
    }

    def mixed(mix: BlendWeights, settings: neighbour_slim.Settings) -> ItemItemModel:
        parts = trained.times(mix.trained), closed.times(mix.closed_form), regressions[settings].times(mix.regression)
        return summed(*parts)

    alone = max(regressions, key=lambda settings: recall(regressions[settings]))
    first = max(BLENDS, key=lambda mix: recall(mixed(mix, alone)))
    beside = alone
    if first.regression:
        beside = max(regressions, key=lambda settings: recall(mixed(first._replace(regression=1.0), settings)))
    mix = max(BLENDS, key=lambda each: recall(mixed(each, beside)))
    apart, together = (
        recall(of_towers(as_towers(mixed(mix, beside), rows, 8, FAST.seed, compressed=compressed)))
        for compressed in (False, True)
    )
    assert max(apart, together) > recall(of_towers(towers))
    assert found.mix == mix
    assert found.regression_settings == beside
    assert found.compressed == (together >= apart)
    served = together if found.compressed else apart
    assert validation["recall_at_20"] == pytest.approx(served, abs=1e-9)


@pytest.mark.integration
@pytest.mark.parametrize(("most_lost", "compressed"), [(0.0, False), (1.0, True)])
def test_a_regression_stays_beside_the_vectors_where_compressing_them_loses_too_much(
    most_lost: float, compressed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty groups of four books with readers of their own: twenty directions, and four dimensions to say them in."""
    read = histories(np.repeat(np.kron(np.eye(BOOKS // 4), np.ones((1, 4))), 3, axis=0) > 0)
    monkeypatch.setattr(selection, "BLENDS", (BlendWeights(0, 1, 1),))
    narrow = FAST.model_copy(update={"embedding_dim": 4, "max_epochs": 1, "max_compression_loss": most_lost})
    found = chosen(read, tmp_path, narrow).configuration
    towers = fit(read, BOOKS, found, narrow)
    assert found.mix.regression > 0
    assert found.compressed == (towers.neighbours is None) == compressed


@pytest.mark.integration
def test_towers_alone_are_chosen_where_the_sum_finds_no_more(
    choices: dict[str, ModelSelection], tmp_path: Path
) -> None:
    """Eighty epochs find every withheld field of a checkerboard, and nothing finds more."""
    found = chosen(checkerboard(), tmp_path, FAST.model_copy(update={"embedding_dim": 16, "max_epochs": 80}))
    assert found.validation["recall_at_20"] == 1
    assert found.configuration.mix == BlendWeights(1, 0, 0)


@pytest.mark.integration
@pytest.mark.parametrize(
    "parts",
    [
        ("closed_form",),
        ("closed_form", "regression"),
        pytest.param(("trained", "closed_form"), marks=pytest.mark.exhaustive),
        pytest.param(("trained", "regression"), marks=pytest.mark.exhaustive),
    ],
)
def test_a_model_is_made_of_the_parts_that_it_may_be_made_of_and_no_other_is_fitted(
    parts: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part, module, fits in (("closed_form", shrunk_svd, "decompose"), ("regression", neighbour_slim, "fit")):
        if part not in parts:
            monkeypatch.delattr(module, fits)
    parameters = FAST.model_copy(update={"parts": parts, "max_epochs": 1})
    found = chosen(random_histories(), tmp_path, parameters)
    assert {part for part, weight in found.configuration.mix._asdict().items() if weight} <= set(parts)
    assert len(found.validation["trials"]) == (2 if "trained" in parts else 0)
    assert found.validation["recall_at_20"] > 0
    assert np.isfinite(fit(random_histories(), BOOKS, found.configuration, parameters).query_table).all()


@pytest.mark.integration
def test_a_checkerboard_is_found(choices: dict[str, ModelSelection]) -> None:
    """Of 48 books that a reader has not read, eight are the withheld ones: by chance 20 places find 42 %."""
    assert choices["checkerboard"].validation["recall_at_20"] > 0.95


@pytest.mark.integration
def test_no_more_readers_validate_than_are_asked_for(tmp_path: Path) -> None:
    few = ALONE.model_copy(update={"max_validation_users": 7})
    assert chosen(checkerboard(), tmp_path, few).validation["users"] == 7


@pytest.mark.integration
def test_what_validation_asks_for_was_not_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, trained_on, decomposed = checkerboard(), [], []
    real_train, real_decompose = selection.train, shrunk_svd.decompose
    monkeypatch.setattr(selection, "train", lambda left, *a, **k: trained_on.append(left) or real_train(left, *a, **k))
    monkeypatch.setattr(shrunk_svd, "decompose", lambda m, *a: decomposed.append(m) or real_decompose(m, *a))
    chosen(read, tmp_path, FAST.model_copy(update={"temperatures": (0.1,)}))
    assert len(trained_on) == 1
    assert len(decomposed) == 1
    for left in (as_matrix(trained_on[0], BOOKS), decomposed[0]):
        assert (left.toarray() <= as_matrix(read, BOOKS).toarray()).all()
        assert left.sum(axis=1).tolist() == [[36]] * USERS  # a tenth of 40 books is withheld


@pytest.mark.integration
def test_the_choice_brings_the_towers_that_were_chosen_and_says_what_they_have_not_seen(
    choices: dict[str, ModelSelection],
) -> None:
    read, choice = random_histories(), choices["random"]
    users = np.flatnonzero(read.sizes() >= 3).astype(np.int32)
    left, out = withheld(read, users, 0.1, FAST.seed)
    expected = fit(left, BOOKS, choice.configuration, FAST)
    assert choice.towers is not None
    assert (choice.towers.query_table == expected.query_table).all()
    assert (choice.towers.candidate_table == expected.candidate_table).all()
    assert choice.withheld_share == len(out.books) / len(read.books)


@pytest.mark.integration
@pytest.mark.exhaustive
def test_the_same_seed_chooses_the_same(tmp_path: Path, choices: dict[str, ModelSelection]) -> None:
    assert without_seconds(chosen(random_histories(), tmp_path)) == without_seconds(choices["random"])


@pytest.mark.integration
def test_readers_of_two_books_get_the_defaults_and_can_be_fitted(tmp_path: Path) -> None:
    read = histories(np.eye(20, BOOKS) + np.eye(20, BOOKS, 1) > 0)
    found = chosen(read, tmp_path)
    assert found == ModelSelection(ModelConfiguration(Schedule(16, 3), 0.1, 3), {})
    assert np.isfinite(fit(read, BOOKS, found.configuration, FAST).query_table).all()


@pytest.mark.integration
@pytest.mark.parametrize(
    ("temperatures", "meanwhile"), [((0.1,), True), pytest.param((0.1, 0.3), False, marks=pytest.mark.exhaustive)]
)
def test_the_fit_on_everything_is_begun_meanwhile_where_it_is_clear_how(
    temperatures: tuple[float, ...], meanwhile: bool, tmp_path: Path
) -> None:
    """Its parts are those that a fit by the recipe makes."""
    parameters = FAST.model_copy(update={"temperatures": temperatures})
    everything = checkerboard()
    found = choose(random_histories(), BOOKS, parameters, str(tmp_path), everything=everything)
    assert all((part is not None) == meanwhile for part in found.warm_start)
    if meanwhile:
        configuration = found.configuration._replace(mix=BlendWeights(1, 0.5, 0.5))
        one, other = (
            fit(everything, BOOKS, configuration, parameters, warm_start) for warm_start in (None, found.warm_start)
        )
        assert (one.query_table == other.query_table).all()
        assert (one.candidate_table == other.candidate_table).all()


def test_no_decomposition_is_begun_that_no_recipe_could_use(tmp_path: Path) -> None:
    parameters = FAST.model_copy(update={"temperatures": (0.1,), "parts": ("trained", "regression")})
    found = choose(random_histories(), BOOKS, parameters, str(tmp_path), everything=checkerboard())
    assert found.warm_start.trained is not None
    assert found.warm_start.decomposition is None
