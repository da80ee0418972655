"""What loading a version takes, as JSON: `python -m benchmarks.loading FOLDER`, which imports little else."""

import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from serving.probe import ServedModel
from transform import features


def main(argv: Sequence[str] | None = None) -> int:
    """Prints what `load` finds. Returns the exit code."""
    [folder] = sys.argv[1:] if argv is None else argv
    print(json.dumps(load(Path(folder))))
    return 0


def load(version: Path) -> dict[str, float]:
    """Loads `version` as a server does, and asks once.

    Returns:
      Seconds that loading took; MiB that the process holds before, after, and held at the most.
    """
    before = memory_mib("VmRSS")
    started = time.monotonic()
    model = ServedModel(version)
    seconds = time.monotonic() - started
    model.ask(features.SERVING_SIGNATURE, {features.SERVED_USER_ID: [b"nobody"]})
    return {
        "load_seconds": seconds,
        "resident_before_mib": before,
        "resident_mib": memory_mib("VmRSS"),
        "peak_mib": memory_mib("VmHWM"),
    }


def memory_mib(name: str) -> float:
    """Returns MiB that this process holds (`VmRSS`) or held at the most (`VmHWM`), what it was forked from aside."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(re.findall(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)[0]) / 1024


if __name__ == "__main__":
    sys.exit(main())
