"""Time and memory of this pipeline, stock TFX components and the notebook, on synthetic reviews: `make bench`.

Each part runs in its own process, one after the other. Samples of the process and all its children measure it from
outside. The parts log the start and end of their steps. Other flags, and flags after `--`, go to `local_runner.py`.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.scale.machine import describe_machine
from benchmarks.scale.parts import CHECK, PARTS, PIPELINE, ROOT, Comparison
from benchmarks.scale.report import TITLES, print_part, print_ratios, ratios
from core.errors import ConfigurationError
from core.exit_codes import with_exit_code
from core.terminal_text import PlainConsole
from data.synthetic.parameters import SyntheticParameters, parse_parameters
from storage import json_files
from storage.output_files import make_ready, telling

# Sizes of the notebook's data set.
ROWS: Final = 1_733_561
USERS: Final = 706_880
BOOKS: Final = 57_186

# Flags of the runner that this command sets itself, and `--verbose`, with which there is no log.
OWN_FLAGS: Final = ("--data", "--work-dir", "--push-dir", "--pseudonym-key-file", "--verbose")


@with_exit_code("interrupted; `--resume` keeps the parts that are done")
def main(argv: Sequence[str] | None = None) -> int:
    """Prints the tables and writes them as JSON.

    Returns:
      0: all was measured. 1: a part failed, or the check found a difference. 2: a flag is invalid. 130: interrupted.
    """
    parser = argparse.ArgumentParser(prog="benchmarks.scale", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="of the reviews; default: %(default)s")
    parser.add_argument("--users", type=int, help="default: in the notebook's proportion to the rows")
    parser.add_argument("--books", type=int, help="default: in the notebook's proportion to the rows")
    parser.add_argument("--seed", type=int, default=1, help="of the reviews; default: %(default)s")
    parser.add_argument("--skip", action="append", choices=PARTS, default=[], help="may be given several times")
    parser.add_argument("--resume", action="store_true", help="keep what was measured before by the same commands")
    parser.add_argument(
        "--folder",
        type=Path,
        default=ROOT / "build" / "scale",
        help="for reviews, which are made once, logs, artifacts and models; default: %(default)s",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "scale.json", help="default: %(default)s")
    options, flags = parser.parse_known_args(argv)
    make_ready("--out", options.out)
    return compare(options, [flag for flag in flags if flag != "--"])


def compare(options: argparse.Namespace, flags: Sequence[str]) -> int:
    """Measures the parts that `options` do not skip, and returns the exit code.

    Args:
      options: the command line.
      flags: further flags of `local_runner.py`.
    """
    for flag in flags:
        if flag.split("=")[0] in OWN_FLAGS:
            raise ConfigurationError(f"{flag}: this command needs that flag for itself. Leave it out.")
    reviews = sizes(options)
    skipped = set(options.skip) | ({CHECK} if PIPELINE in options.skip else set())
    console = PlainConsole(soft_wrap=True)
    comparison = Comparison(options.folder, reviews, flags)
    console.print(f"Everything is in {comparison.folder}", markup=False)
    comparison.make_reviews()
    parts: dict[str, dict[str, Any]] = {}
    result: dict[str, Any] = {
        "machine": describe_machine(ROOT),
        "reviews": {**reviews.model_dump(), "bytes": comparison.csv.stat().st_size},
        "flags": list(flags),
        "parts": parts,
        "ratios": [],
    }
    again = not options.resume
    for part in PARTS:
        if part in skipped:
            continue
        found = None if again or (part == CHECK and not parts[PIPELINE]["resumed"]) else comparison.saved(part)
        resumed = found is not None
        if found is None:
            console.print(f"{TITLES[part]} ... (what it says is in {comparison.folder / part})", markup=False)
            found = comparison.measure(part)
        parts[part] = {**found, "resumed": resumed}
        result["ratios"] = ratios(parts)
        with telling("--out", options.out):
            json_files.write_json(result, str(options.out.resolve()))
        print_part(console, part, parts[part], reviews.reviews)
    if result["ratios"]:
        print_ratios(console, ratios(parts))
    console.print(f"Written to {options.out}", markup=False)
    return 0 if parts.get(CHECK, {"found": {"same": True}})["found"]["same"] else 1


def sizes(options: argparse.Namespace) -> SyntheticParameters:
    """Returns the sizes of the data set. Users and books default to the notebook's proportion to the rows.

    Raises:
      ConfigurationError: the sizes are invalid.
    """
    chosen = {
        "reviews": options.rows,
        "users": round(options.rows * USERS / ROWS) if options.users is None else options.users,
        "books": round(options.rows * BOOKS / ROWS) if options.books is None else options.books,
        "seed": options.seed,
    }
    return parse_parameters({name: str(value) for name, value in chosen.items()})


if __name__ == "__main__":
    # As a keyboard interrupt, SIGTERM then also ends the running part.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
