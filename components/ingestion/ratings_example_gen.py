"""RatingsExampleGen: a file-based ExampleGen that reads reviews column by column and pseudonymises users on input.

It is not the stock FileBasedExampleGen, whose own driver inspects the input: Kubeflow Pipelines runs no component
drivers. Here the input's fingerprint is a parameter, on every runner.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar, Final

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from tfx import types
from tfx import v1 as tfx
from tfx.dsl.components.base import (  # The parts of components are in no public module.
    base_beam_component,
    base_beam_executor,
    executor_spec,
)
from tfx.types import artifact_utils, component_spec

from components.artifacts import parquet_examples
from components.ingestion import reject_list
from components.ingestion.reviews_fingerprint import check_unchanged
from core.errors import DataError, InputError
from core.progress import advance, tell
from core.pseudonyms import key_id, read_key
from data.reviews import notes
from data.reviews.ahead import ahead
from data.reviews.csv_reader import REASONS, RatingsCsv, Reject
from data.reviews.csv_records import MAX_FIELD_LINES
from data.reviews.sources import opener, review_files, stored_bytes
from transform import features

REPORT_FILE: Final = "report.json"


class ReadReviews(beam.DoFn):
    """Converts one input file to one Parquet file, and yields a small report on it as a dictionary.

    The report includes an input error: Beam alters exceptions, and loses them on a remote runner.
    """

    def __init__(self, artifact_uri: str, files: int, stored: int, key: bytes, spreadsheet_safe: bool, **how: Any):
        """Sets up reading of `files` files, `stored` bytes in all; `how`: further arguments of `RatingsCsv`."""
        self._how = how
        self._spreadsheet_safe = spreadsheet_safe
        self._artifact_uri = artifact_uri
        self._files = files
        self._stored = stored
        self._key = key

    def process(self, element: tuple[int, str]) -> Iterator[dict[str, Any]]:
        """Reads the file `element[1]`, whose number is `element[0]`, and yields its report."""
        number, name = element
        source = RatingsCsv(opener(name), name, self._key, **self._how)
        path = parquet_examples.part_path(self._artifact_uri, features.REVIEWS_SPLIT, number, self._files)
        try:
            with parquet_examples.part_writer(path) as writer:
                write_behind(writer, row_groups(_watched(source, self._stored)))
        except InputError as error:
            yield {"number": number, "error": str(error)}
            return
        report = source.report
        reject_list.write_part(self._artifact_uri, number, report.rejects, self._spreadsheet_safe)
        yield {
            "number": number,
            "rows": report.rows,
            "sha256": report.sha256,
            "reasons": Counter(reject.reason for reject in report.rejects),
            "notes": notes.as_json(report.notes),
            "first_rejects": report.rejects[: reject_list.SHOWN_REJECTS],
        }


class RatingsExampleGenExecutor(base_beam_executor.BaseBeamExecutor):
    """Reads all input files with Beam, counts rows, lists rejects, and decides whether the run may continue."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the Examples artifact.

        Raises:
          DataError: the input cannot be read, or has changed since ReviewsFingerprint read it.
          GateError: too many rows are unusable.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        data = exec_properties["data"]
        key_file = exec_properties.get("key_file")
        key = read_key(Path(key_file) if key_file else None)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        names = review_files(data)
        how = {name: exec_properties[name] for name in ("max_field_lines", "zero_rating")}
        how["spreadsheet_safe"] = bool(exec_properties["spreadsheet_safe"])
        report_path = f"{examples.uri}/{REPORT_FILE}"
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | "Files" >> beam.Create(list(enumerate(names)), reshuffle=True)
                | "Read" >> beam.ParDo(ReadReviews(examples.uri, len(names), stored_bytes(names), key, **how))
                | "AllReports" >> beam.combiners.ToList()
                | "WriteReport" >> beam.Map(_write_json, report_path)
            )
        reports = _usable_reports(_read_json(report_path), data)
        check_unchanged(data, key, exec_properties["fingerprint"])
        reject_list.gather(examples.uri, len(names))
        for sentence in notes.sentences([report["notes"] for report in reports], how["zero_rating"]):
            tell(f"warning: {sentence}")
        rows = sum(report["rows"] for report in reports)
        reasons = sum((Counter(report["reasons"]) for report in reports), Counter[str]())
        first_rejects = [Reject(*reject) for report in reports for reject in report["first_rejects"]]
        reject_list.check_share(examples.uri, rows, reasons, first_rejects, exec_properties["max_reject_share"])
        parquet_examples.describe(examples, [features.REVIEWS_SPLIT])
        for name, value in _counts(len(names), rows, reasons).items():
            examples.set_int_custom_property(name, value)
        fingerprint = hashlib.sha256("".join(report["sha256"] for report in reports).encode()).hexdigest()
        examples.set_string_custom_property(features.CONTENT_SHA256, fingerprint)
        examples.set_string_custom_property(features.PSEUDONYM_KEY_ID, key_id(key))


class RatingsExampleGenSpec(component_spec.ComponentSpec):
    """The inputs, outputs and parameters of RatingsExampleGen."""

    INPUTS: ClassVar[dict[str, Any]] = {}
    OUTPUTS: ClassVar[dict[str, Any]] = {
        "examples": component_spec.ChannelParameter(type=tfx.types.standard_artifacts.Examples)
    }
    PARAMETERS: ClassVar[dict[str, Any]] = {
        "data": component_spec.ExecutionParameter(type=str),
        "fingerprint": component_spec.ExecutionParameter(type=str),
        "key_file": component_spec.ExecutionParameter(type=str, optional=True),
        "max_reject_share": component_spec.ExecutionParameter(type=float),
        "max_field_lines": component_spec.ExecutionParameter(type=int),
        "zero_rating": component_spec.ExecutionParameter(type=str),
        "spreadsheet_safe": component_spec.ExecutionParameter(type=int),
    }


class RatingsExampleGen(base_beam_component.BaseBeamComponent):
    """Ingests a CSV file of reviews, or a folder of them, as one split of Parquet examples with pseudonymous users."""

    SPEC_CLASS = RatingsExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(RatingsExampleGenExecutor)

    def __init__(
        self,
        *,
        data: Any,
        fingerprint: Any,
        key_file: str | None,
        max_reject_share: float,
        max_field_lines: int = MAX_FIELD_LINES,
        zero_rating: notes.ZeroRating = "rating",
        spreadsheet_safe: bool = True,
    ):
        """Sets up the component.

        Args:
          data: path of a CSV file or a folder of them, or a runtime parameter that holds it.
          fingerprint: ReviewsFingerprint's value; passed by value, so that it is part of any cache key.
          key_file: file with the pseudonym key; None: the environment has it. The key itself is never recorded.
          max_reject_share: maximum share of unusable rows, 0 to 1.
          max_field_lines: maximum number of lines of a quoted field.
          zero_rating: meaning of a rating of 0.
          spreadsheet_safe: whether to mark texts in the reject list as text if a spreadsheet would run them.
        """
        super().__init__(
            RatingsExampleGenSpec(
                data=data,
                fingerprint=fingerprint,
                key_file=key_file,
                max_reject_share=max_reject_share,
                max_field_lines=max_field_lines,
                zero_rating=zero_rating,
                spreadsheet_safe=int(spreadsheet_safe),
                examples=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Examples),
            )
        )


def row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yields the rows of `tables` in order, as tables of at least `ROW_GROUP_ROWS` rows; the last may be smaller."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(map(len, waiting)) >= parquet_examples.ROW_GROUP_ROWS:
            yield pa.concat_tables(waiting)
            waiting = []
    if any(map(len, waiting)):
        yield pa.concat_tables(waiting)


def write_behind(writer: pq.ParquetWriter, tables: Iterable[pa.Table]) -> None:
    """Writes each of `tables` as a row group, while another thread makes the next one."""
    with closing(ahead(iter(tables))) as coming:
        for table in coming:
            writer.write_table(table, row_group_size=len(table))


def _watched(source: RatingsCsv, total: int) -> Iterator[pa.Table]:
    """Yields the tables of `source`, and reports the progress in bytes; `total` is the size of all files."""
    told = 0
    for table in source.tables():
        advance("reading", total, "bytes", source.stored_bytes_read - told)
        told = source.stored_bytes_read
        yield table


def _write_json(value: Any, path: str) -> None:
    with parquet_examples.whole_file(path) as file:
        file.write(json.dumps(value).encode())


def _read_json(path: str) -> Any:
    with parquet_examples.open_file(path) as file:
        return json.loads(file.read())


def _usable_reports(reports: Sequence[dict[str, Any]], location: str) -> list[dict[str, Any]]:
    reports = sorted(reports, key=lambda report: report["number"])
    faults = [report["error"] for report in reports if "error" in report]
    if faults:
        raise DataError("\n".join(faults))
    if not any(report["rows"] for report in reports):
        raise DataError(f"--data {location}: there are no rows below the header. Name a CSV file with reviews.")
    return reports


def _counts(files: int, rows: int, reasons: Counter[str]) -> dict[str, int]:
    """Returns the row counts that ML Metadata records about the examples."""
    rejected = reasons.total()
    by_reason = {f"rejected: {reason}": reasons[reason] for reason in REASONS}
    return {"files": files, "rows": rows, "kept_rows": rows - rejected, "rejected_rows": rejected, **by_reason}
