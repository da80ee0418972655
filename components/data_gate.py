"""DataGate: stops the run when the reviews break their contract or have drifted away from the last run's."""

import logging
from typing import Any, Final

import tensorflow_data_validation as tfdv
from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx import v1 as tfx
from tfx.types import artifact_utils

from transform.errors import DataError, GateError

BASELINE_FILE: Final = "statistics.binarypb"

Anomaly = tuple[str, str, str]


@tfx.dsl.components.component
def DataGate(  # noqa: N802 (components are nouns)
    statistics: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ExampleStatistics],
    schema: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Schema],
    anomalies: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ExampleAnomalies],
    gate: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.String],
    baseline_dir: tfx.dsl.components.Parameter[str],
    accept_drift: tfx.dsl.components.Parameter[bool],
) -> None:
    """Reads what ExampleValidator found, looks for drift itself, and raises or lets pass.

    The stock ExampleValidator cannot compare with an earlier run, and Kubeflow's backend cannot look one up: so the
    last accepted statistics are kept in a folder.

    Args:
      statistics: of the reviews.
      schema: the contract.
      anomalies: what ExampleValidator found.
      gate: says that the reviews passed.
      baseline_dir: where the statistics of the last accepted reviews are kept; empty: nowhere.
      accept_drift: take drifted reviews as the new normal.

    Raises:
      GateError: the reviews are not what the contract promises.
    """
    [split] = artifact_utils.decode_split_names(statistics.split_names)
    observed = _load_statistics(f"{statistics.uri}/Split-{split}/FeatureStats.pb")
    contract = tfdv.load_schema_text(f"{schema.uri}/schema.pbtxt")
    with tfx.dsl.io.fileio.open(f"{anomalies.uri}/Split-{split}/SchemaDiff.pb", "rb") as file:
        broken = anomaly_rows(anomalies_pb2.Anomalies.FromString(file.read()))
    baseline = read_baseline(baseline_dir) if baseline_dir and not broken else None
    drifted = drift_rows(observed, contract, baseline) if baseline is not None and not accept_drift else []
    if broken or drifted:
        raise GateError(refusal(broken, drifted))
    if baseline_dir:
        write_baseline(baseline_dir, observed)
    gate.value = "passed"


def anomaly_rows(anomalies: anomalies_pb2.Anomalies) -> list[Anomaly]:
    """Returns a row (feature, problem, detail) for every anomaly."""
    rows: list[Anomaly] = []
    if anomalies.HasField("dataset_anomaly_info"):
        info = anomalies.dataset_anomaly_info
        rows.append(("(all)", info.short_description, info.description))
    for name, info in sorted(anomalies.anomaly_info.items()):
        rows.extend((name, reason.short_description, reason.description) for reason in info.reason)
    return rows


def drift_rows(
    observed: statistics_pb2.DatasetFeatureStatisticsList,
    schema: schema_pb2.Schema,
    baseline: statistics_pb2.DatasetFeatureStatisticsList,
) -> list[Anomaly]:
    """Returns a row (feature, problem, detail) for every feature that has drifted from `baseline`."""
    anomalies = tfdv.validate_statistics(observed, schema, previous_statistics=baseline)
    kinds = anomalies_pb2.AnomalyInfo
    drift_kinds = {kinds.COMPARATOR_L_INFTY_HIGH, kinds.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH}
    return [
        (name, reason.short_description, reason.description)
        for name, info in sorted(anomalies.anomaly_info.items())
        for reason in info.reason
        if reason.type in drift_kinds
    ]


def refusal(broken: list[Anomaly], drifted: list[Anomaly]) -> str:
    """Returns the message of a gate that does not open: a table, and what to do."""
    rows = [("feature", "problem", "detail"), *broken, *drifted]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = ["The reviews are not what the contract promises:"]
    lines += [f"  {row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]}" for row in rows]
    if broken:
        lines.append("Correct the reviews, or the contract (--schema-file) if it asks for the wrong thing.")
    if drifted:
        lines.append(
            "If the change is wanted, run once with --accept-drift: later runs then compare with these reviews."
        )
    return "\n".join(lines)


def read_baseline(folder: str) -> statistics_pb2.DatasetFeatureStatisticsList | None:
    """Returns the statistics of the last accepted reviews, or None where no run has left any.

    Raises:
      DataError: the file cannot be used.
    """
    path = f"{folder}/{BASELINE_FILE}"
    if not tfx.dsl.io.fileio.exists(path):
        logging.getLogger("readalike.progress").info("first run here: nothing to compare the data with yet")
        return None
    try:
        baseline = _load_statistics(path)
    except DecodeError as error:
        raise DataError(f"{path}: is damaged. Remove it; the next run then starts a new comparison.") from error
    if not baseline.datasets:
        raise DataError(f"{path}: is empty. Remove it; the next run then starts a new comparison.")
    return baseline


def write_baseline(folder: str, observed: statistics_pb2.DatasetFeatureStatisticsList) -> None:
    """Keeps `observed` as what the next run is compared with: written beside, then renamed."""
    path = f"{folder}/{BASELINE_FILE}"
    beside = f"{path}.incomplete"
    tfx.dsl.io.fileio.makedirs(folder)
    with tfx.dsl.io.fileio.open(beside, "wb") as file:
        file.write(observed.SerializeToString(deterministic=True))
    tfx.dsl.io.fileio.rename(beside, path, overwrite=True)


def _load_statistics(path: str) -> Any:
    with tfx.dsl.io.fileio.open(path, "rb") as file:
        return statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read())
