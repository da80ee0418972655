"""Time and memory of loading a version, as JSON: `python -m benchmarks.loading FOLDER`. It imports little else."""

import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from serving.probe import ServedModel
from transform import features


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the result of `load`, and returns the exit code."""
    [folder] = sys.argv[1:] if argv is None else argv
    print(json.dumps(load(Path(folder))))
    return 0


def load(version: Path) -> dict[str, float]:
    """Loads `version` as a server does, and makes one request.

    Returns:
      Seconds of loading; resident memory of the process before and after, and its peak, in MiB.
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
    """Returns the resident (`VmRSS`) or peak (`VmHWM`) memory of this process in MiB, without that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(re.findall(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)[0]) / 1024


if __name__ == "__main__":
    sys.exit(main())
