"""RatingsExampleGen: a file-based ExampleGen that reads reviews column by column and hides the users at the door."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from google.protobuf import any_pb2, json_format, struct_pb2
from tfx import types
from tfx import v1 as tfx
from tfx.components.example_gen import component as example_gen  # FileBasedExampleGen is in no public module,
from tfx.dsl.components.base import base_beam_executor, executor_spec  # nor are executors and their specs.
from tfx.types import artifact_utils
from tfx.utils import proto_utils

from components import parquet_examples
from components.ratings_csv import FileReport, RatingsCsv, Reject
from components.review_files import SUFFIXES, Opener, is_review_file, local_opener, local_review_files
from transform import features
from transform.errors import DataError, GateError
from transform.pseudonyms import read_key

REJECTS_FILE: Final = "rejects.csv"
REPORT_FILE: Final = "report.json"
SHOWN_REJECTS: Final = 5


class ReadReviews(beam.DoFn):
    """Turns one input file into one Parquet file, and yields a report about it as a dictionary.

    A fault of the input is part of the report: Beam would alter an exception, and lose it on a remote runner.
    """

    def __init__(self, artifact_uri: str, files: int, key: bytes):
        self._artifact_uri = artifact_uri
        self._files = files
        self._key = key

    def process(self, element: tuple[int, str]) -> Iterator[dict[str, Any]]:
        """Reads file number `element[0]`, at `element[1]`."""
        number, name = element
        source = RatingsCsv(_opener(name), name, self._key)
        path = parquet_examples.part_path(self._artifact_uri, features.REVIEWS_SPLIT, number, self._files)
        try:
            with parquet_examples.part_writer(path) as writer:
                for table in source.tables():
                    writer.write_table(table, row_group_size=parquet_examples.ROW_GROUP_ROWS)
        except DataError as error:
            yield {"number": number, "error": str(error)}
            return
        report = source.report
        yield {"number": number, "rows": report.rows, "sha256": report.sha256, "rejects": report.rejects}


class RatingsExampleGenExecutor(base_beam_executor.BaseBeamExecutor):
    """Reads every input file by Beam, then counts, lists what was rejected, and decides whether the run may go on."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the Examples artifact.

        Raises:
          DataError: the input cannot be read.
          GateError: too many rows cannot be used.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = _settings(exec_properties)
        key_file = settings.get("key_file")
        key = read_key(Path(key_file) if key_file else None)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        names = review_files(exec_properties["input_base"])
        report_path = f"{examples.uri}/{REPORT_FILE}"
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | "Files" >> beam.Create(list(enumerate(names)), reshuffle=True)
                | "Read" >> beam.ParDo(ReadReviews(examples.uri, len(names), key))
                | "AllReports" >> beam.combiners.ToList()
                | "WriteReport" >> beam.Map(_write_json, report_path)
            )
        reports = _file_reports(_read_json(report_path), names)
        _write_rejects(f"{examples.uri}/{REJECTS_FILE}", [reject for report in reports for reject in report.rejects])
        _check_share(reports, settings["max_reject_share"], f"{examples.uri}/{REJECTS_FILE}")
        parquet_examples.describe(examples, [features.REVIEWS_SPLIT])
        for name, value in _counts(reports).items():
            examples.set_int_custom_property(name, value)
        fingerprint = hashlib.sha256("".join(report.sha256 for report in reports).encode()).hexdigest()
        examples.set_string_custom_property("content_sha256", fingerprint)


class RatingsExampleGen(example_gen.FileBasedExampleGen):
    """Ingests a CSV file of reviews, or a folder of them, as one split of Parquet examples with pseudonymous users."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(RatingsExampleGenExecutor)

    def __init__(self, *, data: Any, key_file: str | None, max_reject_share: float):
        """Sets up the component.

        Args:
          data: path of a CSV file or a folder of them, or a runtime parameter that holds it.
          key_file: file with the pseudonym key; None: the environment has it. The key itself is never recorded.
          max_reject_share: share of rows that may be unusable, 0 to 1.
        """
        settings = struct_pb2.Struct()
        settings.update({"key_file": key_file, "max_reject_share": max_reject_share})
        packed = any_pb2.Any()
        packed.Pack(settings)
        super().__init__(
            input_base=data,
            output_config=tfx.proto.Output(
                split_config=tfx.proto.SplitConfig(
                    splits=[tfx.proto.SplitConfig.Split(name=features.REVIEWS_SPLIT, hash_buckets=1)]
                )
            ),
            custom_config=tfx.proto.CustomConfig(custom_config=packed),
        )


def review_files(location: str) -> list[str]:
    """Returns the paths of the files that `location`, local or remote, stands for, in the order of their names.

    Raises:
      DataError: there is none.
    """
    if "://" not in location:
        return [str(file) for file in local_review_files(Path(location))]
    if location.lower().endswith(SUFFIXES):
        return [location]
    [match] = FileSystems.match([f"{location.rstrip('/')}/*"])
    names = sorted(item.path for item in match.metadata_list if is_review_file(item.path.rpartition("/")[2]))
    if not names:
        raise DataError(f"--data {location}: there is no {' or '.join(SUFFIXES)} file. Name a place that has one.")
    return names


def _opener(name: str) -> Opener:
    if "://" in name:
        return lambda: parquet_examples.open_file(name)
    return local_opener(Path(name))


def _settings(exec_properties: dict[str, Any]) -> dict[str, Any]:
    config = tfx.proto.CustomConfig()
    proto_utils.json_to_proto(exec_properties["custom_config"], config)
    settings = struct_pb2.Struct()
    config.custom_config.Unpack(settings)
    return json_format.MessageToDict(settings)


def _write_json(value: Any, path: str) -> None:
    with parquet_examples.create_file(path) as file:
        file.write(json.dumps(value).encode())


def _read_json(path: str) -> Any:
    with parquet_examples.open_file(path) as file:
        return json.loads(file.read())


def _file_reports(reports: Sequence[dict[str, Any]], names: Sequence[str]) -> list[FileReport]:
    reports = sorted(reports, key=lambda report: report["number"])
    faults = [report["error"] for report in reports if "error" in report]
    if faults:
        raise DataError("\n".join(faults))
    if not any(report["rows"] for report in reports):
        raise DataError(f"{names[0]}: there are no rows below the header. Name a CSV file with reviews.")
    return [
        FileReport(name, report["rows"], [Reject(*reject) for reject in report["rejects"]], report["sha256"])
        for name, report in zip(names, reports, strict=True)
    ]


def _write_rejects(path: str, rejects: Sequence[Reject]) -> None:
    with parquet_examples.create_file(path) as file:
        lines = _Lines(file)
        writer = csv.writer(lines)
        writer.writerow(Reject._fields)
        writer.writerows(rejects)


class _Lines:
    """What `csv.writer` writes to, over a binary file."""

    def __init__(self, file: Any):
        self._file = file

    def write(self, line: str) -> None:
        self._file.write(line.encode("utf-8"))


def _reasons(reports: Sequence[FileReport]) -> Counter[str]:
    return Counter(
        f"{reject.column}: {reject.reason}" if reject.column else reject.reason
        for report in reports
        for reject in report.rejects
    )


def _counts(reports: Sequence[FileReport]) -> dict[str, int]:
    return {
        "files": len(reports),
        "rows": sum(report.rows for report in reports),
        "rejected_rows": sum(len(report.rejects) for report in reports),
    }


def _check_share(reports: Sequence[FileReport], max_share: float, rejects_path: str) -> None:
    counts = _counts(reports)
    rows, rejected = counts["rows"], counts["rejected_rows"]
    if rejected <= rows * max_share and rejected < rows:
        return
    reasons = "\n".join(f"  {count:>9,}  {reason}" for reason, count in _reasons(reports).most_common())
    first = [reject for report in reports for reject in report.rejects][:SHOWN_REJECTS]
    examples = "\n".join(
        f"  {reject.file}:{reject.line}: {reject.column or 'row'}: {reject.reason}" for reject in first
    )
    raise GateError(
        f"{rejected:,} of {rows:,} rows cannot be used, more than --max-reject-share {max_share:g} allows:\n{reasons}\n"
        f"The first of them:\n{examples}\nAll are listed in {rejects_path}. Correct them, or raise --max-reject-share."
    )
