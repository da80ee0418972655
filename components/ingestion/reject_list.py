"""The list of rejects, that is unusable rows: writes it, and stops the run if there are too many."""

import csv
import os
from collections import Counter
from collections.abc import Sequence
from shutil import copyfileobj
from typing import Any, Final

from apache_beam.io.filesystems import FileSystems

from components.artifacts import parquet_examples
from core.errors import GateError
from core.spreadsheet_cells import as_cell
from data.reviews.csv_reader import Reject
from storage import locations

REJECTS_FILE: Final = "rejects.csv"
SHOWN_REJECTS: Final = 5


def rejects_path(artifact_uri: str) -> str:
    """Returns the path of the reject list in the Examples artifact."""
    return f"{artifact_uri}/{REJECTS_FILE}"


def write_part(artifact_uri: str, part: int, rejects: Sequence[Reject], spreadsheet_safe: bool) -> None:
    """Writes the rejects of input file number `part`, for `gather`; `as_cell` escapes their file names."""
    with parquet_examples.whole_file(_part_path(artifact_uri, part)) as file:
        csv.writer(_Lines(file)).writerows(
            reject._replace(file=as_cell(reject.file, spreadsheet_safe)) for reject in rejects
        )


def gather(artifact_uri: str, parts: int) -> None:
    """Merges the `parts` that `write_part` wrote into one list, and removes them."""
    paths = [_part_path(artifact_uri, part) for part in range(parts)]
    with parquet_examples.create_file(rejects_path(artifact_uri)) as file:
        csv.writer(_Lines(file)).writerow(Reject._fields)
        for path in paths:
            with parquet_examples.open_file(path) as part:
                copyfileobj(part, file)
    for path in paths:
        locations.remove_file(path)


def check_share(artifact_uri: str, rows: int, reasons: Counter[str], first: Sequence[Reject], max_share: float) -> None:
    """Stops the run if too many rows, or all, were rejected.

    Args:
      artifact_uri: the artifact with the list.
      rows: number of rows read.
      reasons: number of rejects by reason.
      first: the first rejects.
      max_share: maximum share of rejects, 0 to 1.

    Raises:
      GateError: the share is larger, or all rows are rejected. The list is kept as `<artifact>-rejects.csv`.
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
    """Returns `path`, with links resolved if it is local: a run may reach its work folder through a link."""
    return path if locations.is_remote(path) else os.path.realpath(path)


class _Lines:
    """A text file for `csv.writer` over a binary file."""

    def __init__(self, file: Any):
        self._file = file

    def write(self, line: str) -> None:
        self._file.write(line.encode("utf-8"))
