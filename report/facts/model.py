"""Facts about the model: training, evaluation, serving, gates and push."""

from typing import Any

from report.facts.figures import Fact, Figure


class Epoch(Fact):
    """One epoch: a pass over the training users."""

    epoch: int
    loss: float
    recall: float
    """Recall@20 of the validation users' withheld training books."""

    seconds: float


class Trial(Fact):
    """One training run with one temperature."""

    temperature: float
    epochs: tuple[Epoch, ...]
    chosen: bool


class Trained(Fact):
    """The training of the model, and the model configuration selected on validation."""

    users: int
    books: int
    train_interactions: int
    heldout_interactions: int
    trials: tuple[Trial, ...]
    recipe: dict[str, Any]
    """Model configuration as Trainer writes it: `schedule`, `temperature`, `epochs`, `mix` (blend weights of `trained`,
    `closed_form`, `regression`), their settings, `compressed`."""

    validation_users: int | None
    validation_recall: float | None
    """Recall@20 of the selected model configuration on the validation users."""


class Slice(Fact):
    """Recall@20 on one slice of the hold-out users or of the held-out interactions."""

    name: str
    size: int
    """Number of users, or of held-out interactions."""

    recall: float
    recall_of_popularity: float | None = None


class Measured(Fact):
    """Metrics of one model on the hold-out."""

    name: str
    """`model` or `popularity`."""

    figures: dict[str, Figure]
    """Metrics by name: `recall_at_20`, `ndcg_at_20`, `hit_rate_at_20`, `mrr_at_20` (also `_at_10`, `_at_100`),
    `coverage_at_20`, `reachable_coverage_at_20`, `gini_at_20`, `novelty_at_20`, `popularity_percentile_at_20`,
    `genre_diversity_at_20`, `genre_affinity_at_20`, `genre_affinity_of_random_books_at_20`."""


class Mover(Fact):
    """A book in more, or in fewer, readers' lists than under the served model."""

    isbn: str
    before: float
    """Share of the served model's lists of 20 that contain the book."""

    after: float
    leap: float
    """`after` - 3 max(`before`, mean of `before` over all books)."""

    readers: int
    """Number of users with the book in their training books."""

    books_of_a_reader: float | None
    """Median number of training books of these users."""


class NewForStrangers(Fact):
    """A book in the top 20 for unknown users that was not in the served model's top 100."""

    isbn: str
    former_place: int | None
    """None: the served model did not know the book."""

    place: int


class Exposure(Fact):
    """Recommendations of the new model compared with those of the served model."""

    readers: int
    """Number of readers whose lists were compared."""

    drift: float
    """Share of all list places that moved to other books (total variation distance)."""

    places_in_common: float
    """Mean share of a reader's list that both models have in common."""

    risen: tuple[Mover, ...]
    fallen: tuple[Mover, ...]
    new_for_strangers: tuple[NewForStrangers, ...] | None
    """None: a hold-out model has no popularity ranking for unknown users."""


class Served(Fact):
    """The served model at evaluation time, on the same hold-out without the interactions it was trained on."""

    version: str
    recall: float | None
    """Recall@20. None: the models are not comparable."""

    recall_of_new_model: float | None
    """Recall@20 of the new model on the same interactions."""

    known_books: float | None
    """Share of the new model's books that the served model knows."""

    heldout_interactions_left_out: int | None
    """Held-out interactions left out because the served model was trained on them."""

    exposure: Exposure | None = None
    """None: the models are not comparable."""


class Evaluated(Fact):
    """Evaluation of the new model."""

    holdout_users: int
    heldout_interactions: int
    models: tuple[Measured, ...]
    """The new model first, then popularity."""

    served: Served | None
    """None: no model was served yet."""

    activity: tuple[Slice, ...]
    """Recall by activity of the users: few, some and many training books."""

    popularity: tuple[Slice, ...]
    """Recall by popularity of the held-out books: head, torso and tail."""

    genres: tuple[Slice, ...]
    """Recall by genre of the held-out books, for the largest genres."""


class Check(Fact):
    """One check of a gate."""

    what: str
    found: str
    needed: str
    passed: bool


class Gate(Fact):
    """A gate and its verdict."""

    step: str
    """`RetrievalEvaluator` or `ServingValidator`."""

    passed: bool
    checks: tuple[Check, ...]


class Serving(Fact):
    """Measurements of ServingValidator, which loads the model as a server does. None: not measured."""

    load_seconds: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    peak_memory_mib: float | None = None
    request_memory_mib: float | None = None
    broken: tuple[str, ...] = ()
    """Violations of the serving contract."""


class Push(Fact):
    """The version that is served now."""

    version: str
    destination: str
    pushed_at: str
    """UTC, `2026-01-31T12:00:00Z`."""
