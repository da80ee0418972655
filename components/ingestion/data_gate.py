"""DataGate: stops the run if the reviews break the data contract or have drifted from the last accepted ones."""

from typing import Any, Final

import tensorflow_data_validation as tfdv
from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx import v1 as tfx
from tfx.types import artifact_utils

from components.ingestion import count_drift
from core.errors import DataError, GateError
from core.progress import tell
from storage import locations

# Maximum change between runs of the share of reviews with a value. TFDV's comparators look at values only, so they miss
# a feature that is gone.
MAX_PRESENCE_CHANGE: Final = 0.1

Anomaly = tuple[str, str, str]


@tfx.dsl.components.component
def DataGate(  # noqa: N802 (components are nouns)
    statistics: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ExampleStatistics],
    schema: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Schema],
    anomalies: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ExampleAnomalies],
    gate: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.String],
    compared_with: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.ExampleStatistics],
    baseline_dir: tfx.dsl.components.Parameter[str],
    accept_drift: tfx.dsl.components.Parameter[bool],
    max_shrinkage: tfx.dsl.components.Parameter[float],
) -> None:
    """Passes the reviews unless ExampleValidator found anomalies, or they drifted or shrank.

    The stock ExampleValidator cannot compare with an earlier run, and Kubeflow's backend cannot look one up. So a
    folder keeps the last accepted statistics.

    Args:
      statistics: statistics of the reviews.
      schema: the data contract.
      anomalies: ExampleValidator's findings.
      gate: receives `passed`.
      compared_with: receives the statistics of the last accepted reviews, for the report; empty ones if there are none.
      baseline_dir: folder of the last accepted statistics; empty: they are not kept.
      accept_drift: whether to accept drifted reviews as the new baseline.
      max_shrinkage: maximum share of the reviews, users or books that may be gone, 0 to 1.

    Raises:
      GateError: the reviews break the contract, have drifted, or have shrunk.
      DataError: the kept statistics cannot be read.
    """
    contract = tfdv.load_schema_text(f"{schema.uri}/schema.pbtxt")
    observed: dict[str, statistics_pb2.DatasetFeatureStatisticsList] = {}
    broken: list[Anomaly] = []
    drifted: list[Anomaly] = []
    shrunk: list[Anomaly] = []
    for split in artifact_utils.decode_split_names(statistics.split_names):
        observed[split] = _load_statistics(statistics_path(statistics.uri, split))
        with tfx.dsl.io.fileio.open(f"{anomalies.uri}/Split-{split}/SchemaDiff.pb", "rb") as file:
            broken += anomaly_rows(anomalies_pb2.Anomalies.FromString(file.read()))
        baseline = _baseline(baseline_dir, split, accept_drift)
        before = baseline or statistics_pb2.DatasetFeatureStatisticsList()
        locations.write_bytes(before.SerializeToString(deterministic=True), statistics_path(compared_with.uri, split))
        if baseline is not None and not accept_drift:
            drifted += drift_rows(observed[split], contract, baseline)
            shrunk += shrinkage_rows(observed[split], baseline, max_shrinkage)
    if broken or drifted or shrunk:
        raise GateError(refusal(broken, drifted, shrunk))
    if baseline_dir:
        for split, accepted in observed.items():
            write_baseline(baseline_dir, split, accepted)
    compared_with.split_names = statistics.split_names
    gate.value = "passed"


def anomaly_rows(anomalies: anomalies_pb2.Anomalies) -> list[Anomaly]:
    """Returns a row (feature, problem, detail) for every reason of every anomaly."""
    found = sorted(anomalies.anomaly_info.items())
    if anomalies.HasField("dataset_anomaly_info"):
        found.insert(0, ("(all)", anomalies.dataset_anomaly_info))
    return [
        (name, reason.short_description, reason.description) for name, info in found for reason in info.reason or [info]
    ]


def drift_rows(
    observed: statistics_pb2.DatasetFeatureStatisticsList,
    schema: schema_pb2.Schema,
    baseline: statistics_pb2.DatasetFeatureStatisticsList,
) -> list[Anomaly]:
    """Returns a row (feature, problem, detail) for every drift of a feature from `baseline`.

    Only features with a drift comparator in `schema` are compared. TFDV compares their values with the comparator's
    threshold; the share of reviews with a value is compared with `MAX_PRESENCE_CHANGE`.
    """
    anomalies = tfdv.validate_statistics(observed, schema, previous_statistics=baseline)
    kinds = anomalies_pb2.AnomalyInfo
    drift_kinds = {kinds.COMPARATOR_L_INFTY_HIGH, kinds.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH}
    rows = [
        (name, "drift", reason.description)
        for name, info in anomalies.anomaly_info.items()
        for reason in info.reason
        if reason.type in drift_kinds
    ]
    now, before = presence_shares(observed), presence_shares(baseline)
    for name in (feature.name for feature in schema.feature if feature.HasField("drift_comparator")):
        shares = before.get(name, 0.0), now.get(name, 0.0)
        if abs(shares[1] - shares[0]) > MAX_PRESENCE_CHANGE:
            detail = f"{shares[0]:.1%} of the last accepted reviews had a value, {shares[1]:.1%} of these have one"
            rows.append((name, "drift", f"{detail}: a change above {MAX_PRESENCE_CHANGE:.0%}."))
    return sorted(rows)


def shrinkage_rows(
    observed: statistics_pb2.DatasetFeatureStatisticsList,
    baseline: statistics_pb2.DatasetFeatureStatisticsList,
    bound: float,
) -> list[Anomaly]:
    """Returns a row (feature, problem, detail) for every count that shrank by more than `bound`.

    Args:
      observed: statistics of these reviews.
      baseline: statistics of the last accepted reviews. Missing counts are logged and not compared.
      bound: maximum share that may be gone, 0 to 1.
    """
    if missing := count_drift.unknown(baseline):
        tell(f"the statistics of the last accepted reviews have no count of {' and '.join(missing)} to compare with")
    found = count_drift.losses(observed, baseline)
    return [(loss.column, f"fewer {loss.what}", loss.detail(bound)) for loss in found if loss.share > bound]


def drift_measures(
    observed: statistics_pb2.DatasetFeatureStatisticsList,
    schema: schema_pb2.Schema,
    baseline: statistics_pb2.DatasetFeatureStatisticsList,
) -> list[tuple[str, str, float, float]]:
    """Returns (feature, TFDV's name of the measure, value, threshold) for every drift comparator in `schema`."""
    found = tfdv.validate_statistics(observed, schema, previous_statistics=baseline).drift_skew_info
    return [
        (
            ".".join(info.path.step),
            anomalies_pb2.DriftSkewInfo.Measurement.Type.Name(measured.type),
            measured.value,
            measured.threshold,
        )
        for info in found
        for measured in info.drift_measurements
    ]


def presence_shares(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> dict[str, float]:
    """Returns the share of reviews with a value, by feature."""
    [dataset] = statistics.datasets
    shares = {}
    for feature in dataset.features:
        kind = feature.WhichOneof("stats")
        common = feature.string_stats.common_stats if kind == "string_stats" else feature.num_stats.common_stats
        shares[".".join(feature.path.step)] = common.num_non_missing / max(dataset.num_examples, 1)
    return shares


def statistics_path(folder: str, split: str) -> str:
    """Returns the path of the statistics of `split` in an artifact's folder."""
    return f"{folder}/Split-{split}/FeatureStats.pb"


def refusal(broken: list[Anomaly], drifted: list[Anomaly], shrunk: list[Anomaly]) -> str:
    """Returns the message of a refusal: a table of problems, and the remedies."""
    rows = [("feature", "problem", "detail"), *broken, *drifted, *shrunk]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = ["The reviews are not what the contract promises:"]
    lines += [f"  {row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}" for row in rows]
    if broken:
        lines.append("Correct the reviews, or the contract (--schema-file) if it asks for the wrong thing.")
    if shrunk:
        lines.append("Look whether the export is whole. To let more go in every run, raise --max-shrinkage.")
    if drifted or shrunk:
        lines.append(
            "If the change is wanted, run once with --accept-drift: later runs then compare with these reviews."
        )
    return "\n".join(lines)


def baseline_path(folder: str, split: str) -> str:
    """Returns the path of the last accepted statistics of `split`."""
    return f"{locations.without_end(folder)}/{split}.binarypb"


def read_baseline(folder: str, split: str) -> statistics_pb2.DatasetFeatureStatisticsList | None:
    """Returns the statistics of the last accepted reviews, or None if no run has kept any.

    Raises:
      DataError: the file is damaged or empty.
    """
    path = baseline_path(folder, split)
    remedy = "Remove it or run once with --accept-drift: later runs then compare with these reviews."
    if not locations.exists(path):
        tell("first run here: nothing to compare the data with yet")
        return None
    try:
        baseline = statistics_pb2.DatasetFeatureStatisticsList.FromString(locations.read_bytes(path))
    except (DecodeError, OSError) as error:
        raise DataError(f"{path}: what the last run left to compare with is damaged. {remedy}") from error
    if not baseline.datasets:
        raise DataError(f"{path}: what the last run left to compare with is empty. {remedy}")
    return baseline


def write_baseline(folder: str, split: str, accepted: statistics_pb2.DatasetFeatureStatisticsList) -> None:
    """Writes `accepted` atomically as the baseline of the next run."""
    locations.write_bytes(accepted.SerializeToString(deterministic=True), baseline_path(folder, split))


def _baseline(folder: str, split: str, accept_drift: bool) -> statistics_pb2.DatasetFeatureStatisticsList | None:
    """Returns the baseline, or None if there is none; with `accept_drift`, an unreadable one counts as none."""
    if not folder:
        return None
    try:
        return read_baseline(folder, split)
    except DataError:
        if not accept_drift:
            raise
        return None


def _load_statistics(path: str) -> Any:
    with tfx.dsl.io.fileio.open(path, "rb") as file:
        return statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read())
