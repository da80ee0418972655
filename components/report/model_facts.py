"""What is known of the model: how it was trained, how good it is, how it is served, and what the gates said."""

from typing import Any

from components.report.figures import Fact, Figure


class Epoch(Fact):
    """One pass over the readers."""

    epoch: int
    loss: float
    recall: float
    """Recall@20 on validation readers' withheld training books."""

    seconds: float


class Trial(Fact):
    """One training with one temperature."""

    temperature: float
    epochs: tuple[Epoch, ...]
    chosen: bool


class Trained(Fact):
    """What was trained, and what was chosen on validation."""

    users: int
    books: int
    train_interactions: int
    heldout_interactions: int
    trials: tuple[Trial, ...]
    recipe: dict[str, Any]
    """What was chosen, as Trainer writes it: `schedule`, `temperature`, `epochs`, `mix` (weights of `trained`,
    `closed_form`, `regression`), their settings, `compressed`."""

    validation_users: int | None
    validation_recall: float | None
    """Recall@20 of the chosen recipe on the validation readers."""


class Slice(Fact):
    """Recall@20 in one part of the readers or of the held-out books."""

    name: str
    size: int
    """Readers, or held-out interactions."""

    recall: float
    recall_of_popularity: float | None = None


class Measured(Fact):
    """What was measured of one model on the hold-out."""

    name: str
    """`model`, `popularity`, or a peer's name."""

    figures: dict[str, Figure]
    """By name: `recall_at_20`, `ndcg_at_20`, `hit_rate_at_20`, `mrr_at_20` (also `_at_10`, `_at_100`),
    `coverage_at_20`, `reachable_coverage_at_20`, `gini_at_20`, `novelty_at_20`, `popularity_percentile_at_20`,
    `genre_diversity_at_20`, `genre_affinity_at_20`, `genre_affinity_of_random_books_at_20`."""


class Mover(Fact):
    """A book that stands in more or in fewer readers' lists than the served model put it."""

    isbn: str
    before: float
    """Share of the served model's lists of 20."""

    after: float
    leap: float
    """How far it rose beyond three times its share before, or that of the average book."""

    readers: int
    """Who has it among the training books."""

    books_of_a_reader: float | None
    """Training books of such a reader, the median."""


class NewForStrangers(Fact):
    """A book among the first 20 for readers without an account that the served model had not among its first 100."""

    isbn: str
    former_place: int | None
    """None: it did not know the book."""

    place: int


class Exposure(Fact):
    """What the model shows against the served one."""

    readers: int
    """Whose lists were compared."""

    drift: float
    """Share of the places that went from some books to others."""

    places_in_common: float
    """Share of a reader's list that both have, the mean."""

    risen: tuple[Mover, ...]
    fallen: tuple[Mover, ...]
    new_for_strangers: tuple[NewForStrangers, ...] | None
    """None: the served model's twin does not say what strangers get."""


class Served(Fact):
    """The model that was served when this one was judged, on the same hold-out but for what it was trained on."""

    version: str
    recall: float | None
    """Recall@20; None where it could not be compared with."""

    recall_of_new_model: float | None
    """Recall@20 of the new model on exactly the same."""

    known_books: float | None
    """Share of today's books that it knows."""

    heldout_interactions_left_out: int | None
    """Held-out interactions that it was trained on, and that therefore do not count."""

    exposure: Exposure | None = None
    """None where it could not be compared with."""


class Evaluated(Fact):
    """How good the new model is."""

    holdout_users: int
    heldout_interactions: int
    models: tuple[Measured, ...]
    """The new model first, then popularity, then the peers."""

    served: Served | None
    """None where nothing was served yet."""

    activity: tuple[Slice, ...]
    """Readers of few, some and many books."""

    popularity: tuple[Slice, ...]
    """Held-out books of the head, the torso and the tail."""

    genres: tuple[Slice, ...]
    """Held-out books of the largest genres."""


class Check(Fact):
    """One thing that a gate checked."""

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
    """What the process measured that loaded the model the way a server does. None: it never got there."""

    load_seconds: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    peak_memory_mib: float | None = None
    request_memory_mib: float | None = None
    broken: tuple[str, ...] = ()
    """Promises to consumers that it did not keep."""


class Push(Fact):
    """The version that is served now."""

    version: str
    destination: str
    pushed_at: str
    """UTC, `2026-01-31T12:00:00Z`."""
