"""Reads the facts about the ingested reviews from the outputs of RatingsExampleGen and the steps up to DataGate."""

import hashlib
import json
from collections import Counter
from typing import Final

import numpy as np
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.artifacts import parquet_examples
from components.ingestion import count_drift
from components.ingestion.data_gate import (
    MAX_PRESENCE_CHANGE,
    anomaly_rows,
    drift_measures,
    presence_shares,
    statistics_path,
)
from components.ingestion.ratings_example_gen import REPORT_FILE
from data.example_schema import scalar_column
from data.reviews import notes
from report.facts.data import Anomaly, CameIn, Drift, Feature
from report.facts.figures import Bar, Counted
from storage import locations
from transform import features

RATING_STEP: Final = 0.5

MOST_VALUES: Final = 15
"""Number of most frequent values kept for each column."""

PRESENCE: Final = "change of the share of reviews that have a value"

# Columns whose values are counted but not listed, because each value stands for a person.
PERSONS: Final = frozenset({features.USER})

_MEASURES: Final = {
    "L_INFTY": "largest change of a value's share",
    "JENSEN_SHANNON_DIVERGENCE": "Jensen-Shannon divergence of the values",
}


def read_came_in(
    reviews: str,
    location: str,
    *,
    statistics: str | None = None,
    anomalies: str | None = None,
    contract: str | None = None,
    baseline: str | None = None,
    max_shrinkage: float = 1.0,
    zero_rating: notes.ZeroRating = "rating",
) -> CameIn:
    """Returns the facts about the ingested reviews.

    Args:
      reviews: output of RatingsExampleGen.
      location: address of the reviews, as configured.
      statistics: output of StatisticsGen. None: the run did not get that far. The same holds for the next two.
      anomalies: output of ExampleValidator.
      contract: folder with the schema of the data contract.
      baseline: file with the statistics of the last accepted run. None: there is no such run.
      max_shrinkage: maximum share of the reviews, users or books that may be missing since the last accepted run.
      zero_rating: interpretation of a rating of 0.
    """
    files = json.loads(locations.read_bytes(f"{reviews}/{REPORT_FILE}"))
    files = sorted(files, key=lambda file: file["number"])
    reasons = sum((Counter(file["reasons"]) for file in files), Counter[str]())
    rows = sum(file["rows"] for file in files)
    observed = _statistics(statistics_path(statistics, features.REVIEWS_SPLIT)) if statistics else None
    before = _statistics(baseline) if baseline else None
    drift = None
    if observed is not None and contract and before is not None and before.datasets:
        drift = _drift(observed, tfdv.load_schema_text(f"{contract}/schema.pbtxt"), before, max_shrinkage)
    return CameIn(
        location=location,
        files=len(files),
        rows=rows,
        kept_rows=rows - reasons.total(),
        rejected_rows=reasons.total(),
        rejects=tuple(Counted(name=name, count=count) for name, count in reasons.most_common()),
        notes=tuple(notes.sentences([file["notes"] for file in files], zero_rating)),
        content_sha256=hashlib.sha256("".join(file["sha256"] for file in files).encode()).hexdigest(),
        ratings=_ratings(reviews),
        features=_features(observed) if observed is not None else (),
        anomalies=_anomalies(f"{anomalies}/Split-{features.REVIEWS_SPLIT}/SchemaDiff.pb") if anomalies else (),
        compared_with_last=drift is not None,
        drift=drift or (),
    )


def _ratings(reviews: str) -> tuple[Bar, ...]:
    edges = np.arange(features.RATING_MIN, features.RATING_MAX + 2 * RATING_STEP, RATING_STEP)
    counts = np.zeros(len(edges) - 1, np.int64)
    for table in parquet_examples.read_splits(reviews, [features.REVIEWS_SPLIT], [features.RATING]):
        ratings = scalar_column(table, features.RATING).drop_null()
        counts += np.histogram(ratings, edges)[0]
    return tuple(
        Bar(low=low, high=low + RATING_STEP, count=count)
        for low, count in zip(edges[:-1].tolist(), counts.tolist(), strict=True)
    )


def _statistics(path: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(locations.read_bytes(path))


def _anomalies(path: str) -> tuple[Anomaly, ...]:
    found = anomaly_rows(anomalies_pb2.Anomalies.FromString(locations.read_bytes(path)))
    return tuple(Anomaly(feature=feature, problem=problem, detail=detail) for feature, problem, detail in found)


def _features(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> tuple[Feature, ...]:
    [dataset] = statistics.datasets
    return tuple(map(_feature, dataset.features))


def _feature(found: statistics_pb2.FeatureNameStatistics) -> Feature:
    name = ".".join(found.path.step)
    if found.WhichOneof("stats") == "string_stats":
        strings = found.string_stats
        return Feature(
            name=name,
            present=strings.common_stats.num_non_missing,
            missing=strings.common_stats.num_missing,
            distinct=strings.unique,
            top=()
            if name in PERSONS
            else tuple(Counted(name=top.value, count=top.frequency) for top in strings.top_values[:MOST_VALUES]),
        )
    numbers = found.num_stats
    return Feature(
        name=name,
        present=numbers.common_stats.num_non_missing,
        missing=numbers.common_stats.num_missing,
        bars=tuple(
            Bar(low=bar.low_value, high=bar.high_value, count=bar.sample_count)
            for histogram in numbers.histograms
            if histogram.type == statistics_pb2.Histogram.STANDARD
            for bar in histogram.buckets
        ),
        mean=numbers.mean,
        median=numbers.median,
        deviation=numbers.std_dev,
    )


def _drift(
    observed: statistics_pb2.DatasetFeatureStatisticsList,
    contract: schema_pb2.Schema,
    before: statistics_pb2.DatasetFeatureStatisticsList,
    max_shrinkage: float,
) -> tuple[Drift, ...]:
    shares, shares_before = presence_shares(observed), presence_shares(before)
    compared = [feature.name for feature in contract.feature if feature.HasField("drift_comparator")]
    presence = [
        Drift(
            feature=name,
            measure=PRESENCE,
            value=abs(shares.get(name, 0.0) - shares_before.get(name, 0.0)),
            threshold=MAX_PRESENCE_CHANGE,
        )
        for name in compared
    ]
    values = [
        Drift(feature=name, measure=_MEASURES.get(kind, kind), value=value, threshold=threshold)
        for name, kind, value, threshold in drift_measures(observed, contract, before)
    ]
    gone = [
        Drift(feature=loss.column, measure=f"share of the {loss.what} gone", value=loss.share, threshold=max_shrinkage)
        for loss in count_drift.losses(observed, before)
    ]
    return (*values, *presence, *gone)
