"""Shows a pushed model on the console: its location, and its recommendations for a few readers."""

from pathlib import Path
from typing import Final

from rich.table import Column, Table

from core.terminal_text import PlainConsole
from registry.push_folder import newest_version
from serving.pushed_model import PushedModel
from storage import locations

READERS: Final = 3
BOOKS: Final = 5


def show_pushed(console: PlainConsole, push_location: str) -> None:
    """Shows the newest version in `push_location`, and its recommendations for a few readers."""
    if locations.is_remote(push_location):
        console.print(f"\nPushed to {push_location}")
        return
    model = PushedModel(newest_version(Path(push_location)))
    console.print(f"\nPushed {model.folder}")
    for reader in model.example_users(READERS):
        [(recommended, _)] = model.recommend([reader], BOOKS)
        read = model.read_books(reader)
        columns = (Column(header, ratio=1) for header in ("has read", "is recommended"))
        table = Table(*columns, title=f"reader {reader}", title_justify="left", show_edge=False, expand=True)
        shown = read[:BOOKS]
        if len(read) > BOOKS:
            shown = [*read[: BOOKS - 1], f"… and {len(read) - BOOKS + 1} more"]
        for row in range(BOOKS):
            table.add_row(
                shown[row] if row < len(shown) else "", recommended[row].isbn if row < len(recommended) else ""
            )
        console.print(table)
    console.print(f"Ask for a reader by name: python -m serving.recommend --push-dir {push_location} --user NAME")
