"""The facts of one run, for its report, its model card and the index of all runs.

Figures are copied unchanged from the artifacts. Facts that a failed or refused run does not have are None or empty.
"""

from typing import Any, Literal, TypeAlias

from report.facts.data import CameIn, Kept
from report.facts.figures import Fact
from report.facts.model import Evaluated, Gate, Push, Serving, Trained

# Refused: a gate for data, quality or serving stopped the run. Failed: bad input, bad configuration, or an unexpected
# failure.
Outcome: TypeAlias = Literal["pushed", "refused", "failed", "interrupted"]

# Stopped: the step in which a gate's refusal ended the run.
StepState: TypeAlias = Literal["done", "running", "failed", "stopped", "not reached"]


class Step(Fact):
    """One step of the graph."""

    name: str
    state: StepState
    seconds: float | None = None
    """Duration. None: not measured, or not reached."""

    peak_memory_mib: float | None = None
    """Peak memory of this process and its children during the step. None: not measured."""


class Book(Fact):
    """A book of a reader."""

    title: str
    """Value of the ISBN column, which identifies a book in the reviews."""

    genres: tuple[str, ...]


class RatedBook(Book):
    """A book that a reader reviewed."""

    rating: float | None
    """0 to 5; None: reviewed without a rating."""


class RecommendedBook(Book):
    """A book that the exported model recommends to a reader."""

    score: float


class Reader(Fact):
    """A reader, by pseudonym, with reviewed books and the exported model's recommendations."""

    user_id: str
    activity: str
    """The reader's third by number of training books: `few`, `some` or `many`."""

    books: int
    """Number of books that the reader reviewed."""

    read: tuple[RatedBook, ...]
    """The 20 best rated of these books, best first."""

    recommended: tuple[RecommendedBook, ...]
    """Best first."""

    shared_genres: tuple[str, ...]
    """Genres of the recommended books that at least a fifth of the reader's books have."""


class Lineage(Fact):
    """Inputs and versions of the run, to reproduce it."""

    data_sha256: str | None
    """Content hash of all review files, also stored beside the pushed model."""

    git_revision: str | None
    """Revision of the image or the checkout, with `-dirty` if files differ."""

    pseudonym_key_id: str | None
    """Public id of the pseudonym key. It does not reveal the key."""

    versions: dict[str, str]
    """Versions of Python and of the packages that affect the results."""

    seeds: dict[str, int]
    """Seeds by field name: `split.seed`, `training.seed`, `evaluation.seed`."""

    configuration: dict[str, Any]
    """Every field, nested as in the TOML file, without passwords."""


class RunFacts(Fact):
    """All facts of one run."""

    run_id: str
    """Name of the run in the work folder, such as `20260131-120000`; on Kubeflow, the Kubeflow run id."""

    pipeline: str
    runner: str
    """`local` or `kubeflow`."""

    outcome: Outcome
    started: str | None
    """UTC, `2026-01-31T12:00:00Z`."""

    finished: str | None
    seconds: float | None
    """Duration from the start of the run until the report is written."""

    failed_step: str | None = None
    """The step that stopped the run. In a refused run it is the gate, even if Pusher acted on the refusal."""

    error: str | None = None
    """The error message shown to the user: several lines, with tables in fixed-width columns."""

    came_in: CameIn | None = None
    kept: Kept | None = None
    trained: Trained | None = None
    evaluated: Evaluated | None = None
    serving: Serving | None = None
    gates: tuple[Gate, ...] = ()
    """In the order in which they ran."""

    pushed: Push | None = None
    steps: tuple[Step, ...] = ()
    """In the order in which they ran. Empty on Kubeflow, whose own UI shows them."""

    lineage: Lineage
    readers: tuple[Reader, ...] = ()
