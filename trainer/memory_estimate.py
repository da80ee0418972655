"""What a fit needs of main memory, worked out before it begins."""

from pathlib import Path
from typing import Final, NamedTuple

from trainer.closed_form import DECOMPOSED_DIM
from trainer.decomposition import BLOCK_ROWS
from trainer.hyperparameters import Hyperparameters
from trainer.kernel import OVERSAMPLES
from trainer.schedule import begins_ahead
from transform.errors import ConfigurationError

FLOAT_BYTES: Final = 4

# Both towers' tables; the optimizer keeps two moments of each.
TABLES: Final = 2
MOMENTS: Final = 2

# The towers of the best epoch, and of the one that is compared with them.
KEPT_TOWERS: Final = 2

# One that validation leads, and one on everything, where that begins ahead.
FITS_AT_ONCE: Final = 2

# What stands side by side where directions are iterated: products, what they are summed of, their orthonormal columns,
# and the portion of the readers that is at hand, which is as long.
PRODUCTS: Final = 6

# Rows of readers and books, as they are trained on and as matrices by reader and by book: a position and a value each.
INTERACTION_BYTES: Final = 40

MEMORY_FILE: Final = Path("/proc/meminfo")


class LimitFiles(NamedTuple):
    """Where the kernel tells of a container's memory."""

    limit: Path
    usage: Path
    statistics: Path
    """What the usage is made of."""


# In the second and the first version of control groups.
LIMIT_FILES: Final = (
    LimitFiles(*(Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current", "memory.stat"))),
    LimitFiles(
        *(
            Path("/sys/fs/cgroup/memory") / name
            for name in ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat")
        )
    ),
)

# Files that the kernel keeps in memory while nobody needs it. A container's usage counts them.
CACHE: Final = ("inactive_file", "active_file")


class MemoryEstimate(NamedTuple):
    """Bytes that a fit needs, beside what the process has before."""

    tables: int
    """Of the trained towers."""

    optimizer: int
    """Of the moments."""

    working: int
    """Of the copies that are kept of the towers, or of the decompositions: of what is larger, as they take turns."""

    interactions: int
    """Of who has read what."""

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self)

    def __str__(self) -> str:
        """The total and what it is made of."""
        parts = ", ".join(f"{name} {_mib(value)}" for name, value in zip(self._fields, self, strict=True))
        return f"{_mib(self.total)} ({parts})"


def estimate(readers: int, books: int, interactions: int, parameters: Hyperparameters) -> MemoryEstimate:
    """Returns what a fit needs.

    Args:
      readers: users with an id.
      books: books with an id.
      interactions: of both splits.
      parameters: widths and parts.
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
    """Raises ConfigurationError, with the remedies, if `needed` is more than the `available` bytes; None: unknown."""
    if available is not None and needed.total > available:
        raise ConfigurationError(
            f"Training needs about {needed} of memory, and {_mib(available)} are available. Lower "
            "--training.embedding-dim, give fewer books or users an id (--vocabulary.min-book-count, "
            "--vocabulary.max-books, --vocabulary.min-user-count), or train where there is more memory."
        )


def available_memory(memory_file: Path = MEMORY_FILE, limit_files: tuple[LimitFiles, ...] = LIMIT_FILES) -> int | None:
    """Returns the bytes that may still be taken, of the machine, or of the container if that has a limit.

    Args:
      memory_file: where the kernel tells of the machine; one without it is not judged.
      limit_files: where it tells of the container.
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
    """Returns the bytes of files in memory, which the kernel gives up when they are needed."""
    if not statistics.exists():
        return 0
    sizes = dict(line.split() for line in statistics.read_text().splitlines())
    return sum(int(sizes.get(name, 0)) for name in CACHE)


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
