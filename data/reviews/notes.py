"""Values in the reviews that are valid but most likely unintended. The run logs them and leaves them as they are."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from data.reviews.csv_records import Positions

ZeroRating = Literal["unrated", "rating"]

SHOWN_PLACES: Final = 3

# Above this share of zeros among the ratings, zero more likely means "not rated".
MANY_ZEROS: Final = 0.1

# A long number as a spreadsheet shows it, with a decimal point or a decimal comma: `9,78292E+12`.
_RUINED: Final = r"^\s*[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]{1,3}\s*$"


@dataclass
class Notes:
    """Counts of such values in one or more files."""

    ruined_books: int = 0
    ruined_users: int = 0
    ruined_places: list[str] = field(default_factory=list)
    """File and line of the first ones; for a book also the text, which is nobody's name."""
    ratings: int = 0
    zero_ratings: int = 0

    def look_at_names(self, file: str, users: pa.Array, books: pa.Array, lines: Positions) -> None:
        """Counts the identifiers that a spreadsheet has rounded."""
        for column, is_book in ((books, True), (users, False)):
            if not pc.any(pc.match_substring(column, "+")).as_py():
                continue
            rows = pc.indices_nonzero(pc.match_substring_regex(column, _RUINED)).to_pylist()
            if is_book:
                self.ruined_books += len(rows)
            else:
                self.ruined_users += len(rows)
            for row in rows[: SHOWN_PLACES - len(self.ruined_places)]:
                text = f" ({column[row].as_py().strip()})" if is_book else ""
                self.ruined_places.append(f"{file}:{lines[row]}{text}")

    def look_at_ratings(self, ratings: pa.Array) -> None:
        """Counts the ratings, and the zeros among them."""
        self.ratings += len(ratings) - ratings.null_count
        self.zero_ratings += pc.sum(pc.equal(ratings, 0)).as_py() or 0


def as_json(notes: Notes) -> dict[str, Any]:
    """Returns the notes of a file for its report."""
    return asdict(notes)


def sentences(files: Sequence[dict[str, Any]], zero_rating: ZeroRating) -> list[str]:
    """Returns the messages about the notes of all files together."""
    notes = Notes()
    for file in files:
        for name, value in file.items():
            setattr(notes, name, getattr(notes, name) + value)
    told = []
    if ruined := notes.ruined_books + notes.ruined_users:
        told.append(
            f"{notes.ruined_books:,} books and {notes.ruined_users:,} readers have a number that a spreadsheet has "
            f"rounded, so that different ones become one: {', '.join(notes.ruined_places[:SHOWN_PLACES])}"
            f"{', …' if ruined > SHOWN_PLACES else ''}. Export the reviews again, with these columns as text."
        )
    if zero_rating == "rating" and notes.zero_ratings > MANY_ZEROS * notes.ratings:
        told.append(
            f"{notes.zero_ratings:,} of {notes.ratings:,} ratings ({notes.zero_ratings / notes.ratings:.0%}) are 0, "
            "which stands for 'not rated' in many exports. If it does here, say --zero-rating unrated."
        )
    return told
