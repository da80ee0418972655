"""Takes the screenshots for the documents from real reports: `python -m scripts.screenshots --work-dir work`."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from playwright.sync_api import Browser, sync_playwright

from core.project import ROOT
from scripts.chromium import MISSING, find_chromium, launch_arguments

IMAGES: Final = ROOT / "docs" / "images"
MOST_BYTES: Final = 300_000


class Shot(NamedTuple):
    """One screenshot."""

    name: str
    page: Path
    section: str = ""
    """Id of the section at the top of the screenshot. Empty: the top of the page."""

    width: int = 1280
    height: int = 860
    scheme: str = "light"


def shots(reports: Path) -> Iterator[Shot]:
    """Yields the screenshots to take: the newest pushed run, the newest refused run, and the index of all runs.

    Raises:
      FileNotFoundError: there is no report of a pushed run.
    """
    newest: dict[str, Path] = {}
    for facts in sorted(reports.glob("*/facts.json")):
        newest[json.loads(facts.read_text(encoding="utf-8"))["outcome"]] = facts.parent / "index.html"
    if "pushed" not in newest:
        raise FileNotFoundError(f"{reports}: no report of a run that pushed a model. Run first, or name --work-dir.")
    yield Shot("report", newest["pushed"])
    yield Shot("report-quality-dark", newest["pushed"], "quality", scheme="dark")
    yield Shot("report-readers", newest["pushed"], "readers")
    yield Shot("report-phone", newest["pushed"], width=390, height=844)
    if "refused" in newest:
        yield Shot("report-refused", newest["refused"])
    if (reports / "index.html").exists():
        yield Shot("index", reports / "index.html")


def take(browser: Browser, shot: Shot, folder: Path) -> Path:
    """Writes a screenshot as PNG into `folder`, and returns its path.

    Raises:
      ValueError: the screenshot is larger than `MOST_BYTES`.
    """
    viewport = {"width": shot.width, "height": shot.height}
    context = browser.new_context(
        viewport=viewport,  # type: ignore[arg-type]
        color_scheme="dark" if shot.scheme == "dark" else "light",
        reduced_motion="reduce",
        offline=True,
    )
    page = context.new_page()
    page.goto(shot.page.resolve().as_uri() + (f"#{shot.section}" if shot.section else ""))
    picture = page.screenshot(timeout=120_000)
    context.close()
    if len(picture) > MOST_BYTES:
        raise ValueError(f"{shot.name}: {len(picture):,} bytes, more than {MOST_BYTES:,}. Show less of the page.")
    made = folder / f"{shot.name}.png"
    beside = made.with_suffix(".part")
    beside.write_bytes(picture)
    beside.replace(made)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Takes all screenshots, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="screenshots", description="Makes the screenshots of the documents.")
    parser.add_argument("--work-dir", type=Path, default=Path("work"), help="the runs' work folder (work)")
    parser.add_argument("--out", type=Path, default=IMAGES, help="where the pictures go (docs/images)")
    arguments = parser.parse_args(argv)
    executable = find_chromium()
    if executable is None:
        print(f"error: {MISSING}", file=sys.stderr)
        return 2
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
        wanted = list(shots(arguments.work_dir / "reports"))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=launch_arguments())
            for shot in wanted:
                made = take(browser, shot, arguments.out)
                print(f"{made}: {made.stat().st_size:,} bytes")
            browser.close()
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
