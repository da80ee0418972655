"""What is freed goes back to the system, in a process of its own: another one's memory is nobody's to foretell."""

import subprocess
import sys

FREED = """
import gc
import re
from pathlib import Path

import numpy as np

from trainer.freed_memory import give_back

def resident_mib():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\\s+(\\d+) kB", status)[1]) / 1024

class Circle:
    def __init__(self):
        self.itself, self.table = self, np.ones(64 << 17)

gc.disable()
give_back()
before = resident_mib()
{use}
assert resident_mib() - before > 50, "nothing is left behind: the test shows nothing"
give_back()
assert resident_mib() - before < 20, f"{{resident_mib() - before:.0f}} MiB are left"
"""

# The first arrays that are freed raise what glibc takes from the system one by one, so that the later ones are not.
IN_CIRCLES = "Circle()"
AMONG_SMALL_ONES = """
for _ in range(2):
    np.ones(3 << 20)
blocks = [(np.ones(1 << 17), np.ones(1 << 10)) for _ in range(100)]
small = [one for _, one in blocks]
del blocks
"""


def run(use: str) -> None:
    subprocess.run([sys.executable, "-c", FREED.format(use=use)], check=True, timeout=120)


def test_what_refers_to_itself() -> None:
    run(IN_CIRCLES)


def test_what_was_freed_among_blocks_that_are_in_use() -> None:
    run(AMONG_SMALL_ONES)
