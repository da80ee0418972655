"""What is known of one run: the facts that its page, its model card and the index of all runs are made of.

A figure stands here as it stands in the artifact it comes from. What a run that failed or was refused does not have is
None, or empty.
"""

from typing import Any, Literal, TypeAlias

from components.report.data_facts import CameIn, Kept
from components.report.figures import Fact
from components.report.model_facts import Evaluated, Gate, Push, Serving, Trained

# How a run ended. Refused: a gate stopped it, of the data, of the model's quality, or of how it is served. Failed: bad
# input, bad configuration, or an unexpected failure.
Outcome: TypeAlias = Literal["pushed", "refused", "failed", "interrupted"]

# How far a step came. Stopped: the one in which a gate's refusal ended the run.
StepState: TypeAlias = Literal["done", "running", "failed", "stopped", "not reached"]


class Step(Fact):
    """One step of the graph, in the order in which they ran."""

    name: str
    state: StepState
    seconds: float | None = None
    """None: not measured, or not reached."""

    peak_memory_mib: float | None = None
    """The most that this process and its children held at once while the step ran; None: not measured."""


class Book(Fact):
    """A book of a reader."""

    title: str
    """Its ISBN column: what the reviews name a book by."""

    genres: tuple[str, ...]


class RatedBook(Book):
    """A book that a reader reviewed."""

    rating: float | None
    """0 to 5; None: reviewed without a rating."""


class RecommendedBook(Book):
    """A book that the exported model recommends to a reader."""

    score: float


class Reader(Fact):
    """A reader, by pseudonym, with what the reader read beside what the exported model recommends."""

    user_id: str
    activity: str
    """Whether the reader is of the third with `few`, `some` or `many` training books."""

    books: int
    """How many the reader reviewed."""

    read: tuple[RatedBook, ...]
    """The first of them, the best rated first."""

    recommended: tuple[RecommendedBook, ...]
    """The best first."""

    shared_genres: tuple[str, ...]
    """Genres of a recommended book that at least a fifth of all the books the reader read have too."""


class Lineage(Fact):
    """What the run was made of, so that it can be made again."""

    data_sha256: str | None
    """Of the bytes of all files of reviews, as also stands beside the pushed model."""

    git_revision: str | None
    """Of the sources, `-dirty` where files differed from it; of the image, in a container."""

    pseudonym_key_id: str | None
    """Tells keys apart, and does not give them away."""

    versions: dict[str, str]
    """Of Python and the packages that decide the result."""

    seeds: dict[str, int]
    """By the name of their field: `split.seed`, `training.seed`, `evaluation.seed`."""

    configuration: dict[str, Any]
    """Every field, nested as in the TOML file; passwords left out."""


class RunFacts(Fact):
    """All that is known of one run."""

    run_id: str
    """Its name in the work folder: `20260131-120000`; on Kubeflow, that of the run there."""

    pipeline: str
    runner: str
    """`local` or `kubeflow`."""

    outcome: Outcome
    started: str | None
    """UTC, `2026-01-31T12:00:00Z`."""

    finished: str | None
    seconds: float | None
    """From start to end; until the report was written."""

    failed_step: str | None = None
    """The step that stopped the run: of a refused one the gate, also where it was Pusher that took it at its word."""

    error: str | None = None
    """What the user was told: several lines, with tables in columns of fixed width."""

    came_in: CameIn | None = None
    kept: Kept | None = None
    trained: Trained | None = None
    evaluated: Evaluated | None = None
    serving: Serving | None = None
    gates: tuple[Gate, ...] = ()
    """In the order in which they judged."""

    pushed: Push | None = None
    steps: tuple[Step, ...] = ()
    """Empty on Kubeflow, whose own page shows them."""

    lineage: Lineage
    readers: tuple[Reader, ...] = ()
