"""Count drift: compares the number of reviews, users and books with the last accepted reviews."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from tensorflow_metadata.proto.v0 import statistics_pb2

from transform import features

# The name of each count in messages, and the column whose distinct values it counts; empty: the number of reviews.
COUNTED: Final[Mapping[str, str]] = {"reviews": "", "readers": features.USER, "books": features.ISBN}


class Loss(NamedTuple):
    """One count in the last accepted reviews and in these."""

    what: str
    before: int
    now: int

    @property
    def share(self) -> float:
        """The share that is gone, 0 to 1; 0 if the count rose."""
        return max(0.0, 1 - self.now / self.before)

    @property
    def column(self) -> str:
        """The column of the count; `(all)` for reviews."""
        return COUNTED[self.what] or "(all)"

    def detail(self, bound: float) -> str:
        """Returns a message with both counts and the exceeded bound."""
        return (
            f"the last accepted reviews had {self.before:,} {self.what}, these have {self.now:,}: "
            f"{self.share:.1%} fewer, above --max-shrinkage {bound:g}."
        )


def counts(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> dict[str, int]:
    """Returns the counts in `COUNTED` that `statistics` hold; TFDV's distinct counts are exact or about 1 % off."""
    [dataset] = statistics.datasets
    different = {".".join(feature.path.step): feature.string_stats.unique for feature in dataset.features}
    found = {what: different.get(column, 0) if column else dataset.num_examples for what, column in COUNTED.items()}
    return {what: count for what, count in found.items() if count}


def losses(
    observed: statistics_pb2.DatasetFeatureStatisticsList, baseline: statistics_pb2.DatasetFeatureStatisticsList
) -> list[Loss]:
    """Returns a `Loss` for each count that `baseline` holds."""
    now = counts(observed)
    return [Loss(what, before, now.get(what, 0)) for what, before in counts(baseline).items()]


def unknown(baseline: statistics_pb2.DatasetFeatureStatisticsList) -> list[str]:
    """Returns the names of counts that `baseline` lacks, which cannot be compared."""
    known = counts(baseline)
    return [what for what in COUNTED if what not in known]
