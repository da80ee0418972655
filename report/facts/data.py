"""Facts about the reviews: as ingested, and as kept for training and evaluation."""

from report.facts.figures import Bar, Counted, Fact


class Feature(Fact):
    """Statistics of one column of the reviews."""

    name: str
    present: int
    """Number of reviews with at least one value."""

    missing: int
    """Number of reviews without a value."""

    distinct: int | None = None
    """Number of distinct values. None for numbers."""

    top: tuple[Counted, ...] = ()
    """The most frequent values, most frequent first. Empty for numbers and for the user column."""

    bars: tuple[Bar, ...] = ()
    """Histogram of the values. Empty for text."""

    mean: float | None = None
    median: float | None = None
    deviation: float | None = None
    """Standard deviation."""


class Anomaly(Fact):
    """One violation of the data contract, or one drift above its threshold."""

    feature: str
    problem: str
    detail: str


class Drift(Fact):
    """Drift of one feature since the last accepted run."""

    feature: str
    measure: str
    """Name of the measure, such as `largest change of a value's share`."""

    value: float
    threshold: float
    """The run stops if the value is above this."""

    @property
    def exceeded(self) -> bool:
        """Whether the value is above the threshold."""
        return self.value > self.threshold


class CameIn(Fact):
    """The reviews as ingested."""

    location: str
    """The file or folder, as configured."""

    files: int
    rows: int
    kept_rows: int
    rejected_rows: int
    rejects: tuple[Counted, ...]
    """Rejected rows by reason, most frequent first."""

    notes: tuple[str, ...] = ()
    """Warnings about suspicious values, one sentence each: for example identifiers that a spreadsheet rounded."""

    content_sha256: str | None
    """Hash over the SHA-256 of each file, in file order."""

    ratings: tuple[Bar, ...]
    """Accepted reviews by rating, in bins of half a star."""

    features: tuple[Feature, ...]
    """Empty if the run did not get that far; so are `anomalies` and `drift`."""

    anomalies: tuple[Anomaly, ...]
    compared_with_last: bool
    """Whether drift was measured against an earlier accepted run."""

    drift: tuple[Drift, ...]


class Kept(Fact):
    """The reviews kept for training and evaluation."""

    counts: dict[str, int]
    """Counts of InteractionSplitter by name: `reviews`, `users`, `books`, `duplicates`, `positive`, `moderate`,
    `negative`, `unrated`, `kept_users`, `kept_books`, `kept_interactions`, `train_interactions`,
    `eval_interactions`, `eval_users`, `unseen_interactions`."""

    books_of_readers: tuple[Bar, ...] = ()
    """Histogram of users by their number of training books."""

    readers_of_books: tuple[Bar, ...] = ()
    """Histogram of books by their number of training users."""
