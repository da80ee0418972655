"""Estimates the main memory of a fit before it starts."""

from pathlib import Path
from typing import Final, NamedTuple

from core.errors import ConfigurationError
from trainer.fitting.schedule import begins_ahead
from trainer.hyperparameters import Hyperparameters
from trainer.models.item_item import OVERSAMPLES
from trainer.models.shrunk_svd import DECOMPOSED_DIM
from trainer.models.truncated_svd import BLOCK_ROWS

FLOAT_BYTES: Final = 4

# Tables of the two towers, and the optimizer's moments of each.
TABLES: Final = 2
MOMENTS: Final = 2

# Copies of the towers: those of the best epoch and those of the current one.
KEPT_TOWERS: Final = 2

# The fit for validation, and the fit on all interactions if it starts early (`begins_ahead`).
FITS_AT_ONCE: Final = 2

# Arrays in memory at once during subspace iteration: the products, their summands, their orthonormal columns, and the
# block of users at hand, which is as long.
PRODUCTS: Final = 6

# Bytes per interaction: the training rows and the matrices by user and by book, each with a position and a value.
INTERACTION_BYTES: Final = 40

MEMORY_FILE: Final = Path("/proc/meminfo")


class LimitFiles(NamedTuple):
    """The files in which the Linux kernel reports a container's memory."""

    limit: Path
    usage: Path
    statistics: Path
    """Breakdown of the usage."""


# For control groups version 2 and version 1.
LIMIT_FILES: Final = (
    LimitFiles(*(Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current", "memory.stat"))),
    LimitFiles(
        *(
            Path("/sys/fs/cgroup/memory") / name
            for name in ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat")
        )
    ),
)

# Reclaimable file cache, which the kernel counts in a container's usage.
CACHE: Final = ("inactive_file", "active_file")


class MemoryEstimate(NamedTuple):
    """Bytes that a fit needs on top of the process's memory before it."""

    tables: int
    """Tables of the trained towers."""

    optimizer: int
    """The optimizer's moments."""

    working: int
    """Copies of the towers, or the decompositions: the larger of the two, because they never coexist."""

    interactions: int
    """The training interactions."""

    @property
    def total(self) -> int:
        """The sum of all parts."""
        return sum(self)

    def __str__(self) -> str:
        """The total and its parts, in MiB."""
        parts = ", ".join(f"{name} {_mib(value)}" for name, value in zip(self._fields, self, strict=True))
        return f"{_mib(self.total)} ({parts})"


def estimate(readers: int, books: int, interactions: int, parameters: Hyperparameters) -> MemoryEstimate:
    """Returns the memory that a fit needs.

    Args:
      readers: number of users with an id.
      books: number of books with an id.
      interactions: number of interactions in both splits.
      parameters: hyper-parameters, of which widths and parts count.
    """
    trained = "trained" in parameters.parts
    alone = parameters.parts == ("trained",)
    fits = FITS_AT_ONCE if begins_ahead(readers, parameters) else 1
    table = fits * TABLES * books * (parameters.embedding_dim if alone else parameters.embedding_dim // 2) * FLOAT_BYTES
    width = max(parameters.embedding_dim + OVERSAMPLES, DECOMPOSED_DIM)
    products = 0 if alone else PRODUCTS * max(books, min(readers, BLOCK_ROWS)) * width * FLOAT_BYTES
    return MemoryEstimate(
        tables=table if trained else 0,
        optimizer=MOMENTS * table if trained else 0,
        working=max(KEPT_TOWERS * table, products),
        interactions=interactions * INTERACTION_BYTES,
    )


def check_memory(needed: MemoryEstimate, available: int | None) -> None:
    """Raises ConfigurationError, with remedies, if `needed` exceeds the `available` bytes; None: unknown, no check."""
    if available is not None and needed.total > available:
        raise ConfigurationError(
            f"Training needs about {needed} of memory, and {_mib(available)} are available. Lower "
            "--training.embedding-dim, give fewer books or users an id (--vocabulary.min-book-count, "
            "--vocabulary.max-books, --vocabulary.min-user-count), or train where there is more memory."
        )


def available_memory(memory_file: Path = MEMORY_FILE, limit_files: tuple[LimitFiles, ...] = LIMIT_FILES) -> int | None:
    """Returns the available bytes of the machine, or of the container if those are fewer; None if unknown.

    Args:
      memory_file: the kernel's report on the machine; a machine without it gives None.
      limit_files: the kernel's reports on the container.
    """
    if not memory_file.exists():
        return None
    [line] = [line for line in memory_file.read_text().splitlines() if line.startswith("MemAvailable:")]
    found = [int(line.split()[1]) * 1024]
    for files in limit_files:
        if files.limit.exists() and (most := files.limit.read_text().strip()).isdigit():
            found.append(int(most) - max(int(files.usage.read_text()) - _cache(files.statistics), 0))
    return max(min(found), 0)


def _cache(statistics: Path) -> int:
    """Returns the bytes of reclaimable file cache."""
    if not statistics.exists():
        return 0
    sizes = dict(line.split() for line in statistics.read_text().splitlines())
    return sum(int(sizes.get(name, 0)) for name in CACHE)


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
