"""How many reviews, readers and books there are, and whether too many are gone since the last accepted reviews."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from tensorflow_metadata.proto.v0 import statistics_pb2

from transform import features

# What is counted, by the name that messages have for it, and the column whose different values it is.
COUNTED: Final[Mapping[str, str]] = {"reviews": "", "readers": features.USER, "books": features.ISBN}


class Loss(NamedTuple):
    """How many of one thing were there in the last accepted reviews, and how many are there now."""

    what: str
    before: int
    now: int

    @property
    def share(self) -> float:
        """Which share of them is gone, 0 to 1; 0 where there are more."""
        return max(0.0, 1 - self.now / self.before)

    @property
    def column(self) -> str:
        """In which column they are counted; reviews in all."""
        return COUNTED[self.what] or "(all)"

    def detail(self, bound: float) -> str:
        """Returns what was, what is, and the bound that it breaks."""
        return (
            f"the last accepted reviews had {self.before:,} {self.what}, these have {self.now:,}: "
            f"{self.share:.1%} fewer, above --max-shrinkage {bound:g}."
        )


def counts(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> dict[str, int]:
    """Returns the number of everything in `COUNTED` that `statistics` know, exact or a percent off, as TFDV counted."""
    [dataset] = statistics.datasets
    different = {".".join(feature.path.step): feature.string_stats.unique for feature in dataset.features}
    found = {what: different.get(column, 0) if column else dataset.num_examples for what, column in COUNTED.items()}
    return {what: count for what, count in found.items() if count}


def losses(
    observed: statistics_pb2.DatasetFeatureStatisticsList, baseline: statistics_pb2.DatasetFeatureStatisticsList
) -> list[Loss]:
    """Compares the counts of two runs: those that `baseline` knows."""
    now = counts(observed)
    return [Loss(what, before, now.get(what, 0)) for what, before in counts(baseline).items()]


def unknown(baseline: statistics_pb2.DatasetFeatureStatisticsList) -> list[str]:
    """Returns what `baseline` has no count of, so that nothing can be compared with it."""
    known = counts(baseline)
    return [what for what in COUNTED if what not in known]
