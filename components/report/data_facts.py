"""What is known of the reviews: as they came in, and as they were kept to train on."""

from components.report.figures import Bar, Counted, Fact


class Feature(Fact):
    """What the statistics say of one column of the reviews."""

    name: str
    present: int
    """Reviews with at least one value."""

    missing: int
    """Reviews without any."""

    distinct: int | None = None
    """Different values; None for numbers."""

    top: tuple[Counted, ...] = ()
    """The most frequent values, falling; empty for numbers and for readers."""

    bars: tuple[Bar, ...] = ()
    """Histogram of the values, of a number only."""

    mean: float | None = None
    median: float | None = None
    deviation: float | None = None
    """Standard deviation."""


class Anomaly(Fact):
    """One way in which the reviews break their contract, or have drifted too far."""

    feature: str
    problem: str
    detail: str


class Drift(Fact):
    """How far one feature is from the last accepted run's."""

    feature: str
    measure: str
    """What was measured, in words: such as `largest change of a share`."""

    value: float
    threshold: float
    """Above this the run stops."""

    @property
    def exceeded(self) -> bool:
        """Whether the run stops because of it."""
        return self.value > self.threshold


class CameIn(Fact):
    """The reviews as they came in."""

    location: str
    """The file or folder, as it was given."""

    files: int
    rows: int
    kept_rows: int
    rejected_rows: int
    rejects: tuple[Counted, ...]
    """Rows that could not be used, by reason, falling."""

    notes: tuple[str, ...] = ()
    """What is no fault, and most likely not meant, a sentence each: identifiers that a spreadsheet has rounded."""

    content_sha256: str | None
    """Of the bytes of all files."""

    ratings: tuple[Bar, ...]
    """Usable reviews by rating, counted in steps of half a star."""

    features: tuple[Feature, ...]
    """Empty where the run did not come so far, as are the next ones."""

    anomalies: tuple[Anomaly, ...]
    compared_with_last: bool
    """Whether there was an earlier accepted run to compare with."""

    drift: tuple[Drift, ...]


class Kept(Fact):
    """What was kept to train on and to judge by."""

    counts: dict[str, int]
    """By name as InteractionSplitter counts them: `reviews`, `users`, `books`, `duplicates`, `positive`, `moderate`,
    `negative`, `unrated`, `kept_users`, `kept_books`, `kept_interactions`, `train_interactions`,
    `eval_interactions`, `eval_users`, `unseen_interactions`."""

    books_of_readers: tuple[Bar, ...] = ()
    """Readers by the number of their training books."""

    readers_of_books: tuple[Bar, ...] = ()
    """Books by the number of their training readers."""
