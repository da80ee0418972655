"""The list of rows that cannot be used, as files, as counts, and as a reason to stop the run."""

import csv
import os
from collections import Counter
from collections.abc import Sequence
from shutil import copyfileobj
from typing import Any, Final

from apache_beam.io.filesystems import FileSystems

from components import parquet_examples
from components.ratings_csv import Reject
from transform import storage
from transform.errors import GateError
from transform.spreadsheet_cells import as_cell

REJECTS_FILE: Final = "rejects.csv"
SHOWN_REJECTS: Final = 5


def rejects_path(artifact_uri: str) -> str:
    """Returns the path of the list beside the examples."""
    return f"{artifact_uri}/{REJECTS_FILE}"


def write_part(artifact_uri: str, part: int, rejects: Sequence[Reject], spreadsheet_safe: bool) -> None:
    """Writes the rejects of input file number `part`, to be gathered later; names of files as `as_cell` makes them."""
    with parquet_examples.whole_file(_part_path(artifact_uri, part)) as file:
        csv.writer(_Lines(file)).writerows(
            reject._replace(file=as_cell(reject.file, spreadsheet_safe)) for reject in rejects
        )


def gather(artifact_uri: str, parts: int) -> None:
    """Makes one list of the `parts` that were written."""
    paths = [_part_path(artifact_uri, part) for part in range(parts)]
    with parquet_examples.create_file(rejects_path(artifact_uri)) as file:
        csv.writer(_Lines(file)).writerow(Reject._fields)
        for path in paths:
            with parquet_examples.open_file(path) as part:
                copyfileobj(part, file)
    for path in paths:
        storage.remove_file(path)


def check_share(artifact_uri: str, rows: int, reasons: Counter[str], first: Sequence[Reject], max_share: float) -> None:
    """Stops the run when too many rows were rejected, or all.

    Args:
      artifact_uri: the artifact with the list.
      rows: how many rows were read.
      reasons: how many were rejected, by reason.
      first: the first rejects.
      max_share: the share of rows up to which the run goes on, 0 to 1.

    Raises:
      GateError: there are more. The list is kept: `<artifact>-rejects.csv`.
    """
    rejected = reasons.total()
    if rejected <= rows * max_share and rejected < rows:
        return
    kept = f"{artifact_uri}-{REJECTS_FILE}"  # TFX removes the artifact's folder when a node fails.
    FileSystems.copy([rejects_path(artifact_uri)], [kept])
    counts = "\n".join(f"  {count:>9,}  {reason}" for reason, count in reasons.most_common())
    examples = "\n".join(
        f"  {reject.file}:{reject.line}: {reject.column or 'row'}: {reject.reason}" for reject in first[:SHOWN_REJECTS]
    )
    raise GateError(
        f"{rejected:,} of {rows:,} rows cannot be used, more than --max-reject-share {max_share:g} allows:\n{counts}\n"
        f"The first of them:\n{examples}\nAll are listed in {_own_path(kept)}. "
        "Correct them, or raise --max-reject-share."
    )


def _part_path(artifact_uri: str, part: int) -> str:
    return f"{artifact_uri}/rejects-{part:05d}.csv"


def _own_path(path: str) -> str:
    """Returns `path` as people know it: a run may reach its work folder by a link."""
    return path if storage.is_remote(path) else os.path.realpath(path)


class _Lines:
    """What `csv.writer` writes to, over a binary file."""

    def __init__(self, file: Any):
        self._file = file

    def write(self, line: str) -> None:
        self._file.write(line.encode("utf-8"))
