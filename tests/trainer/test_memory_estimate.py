from pathlib import Path

import pytest

from core.errors import ConfigurationError
from trainer.fitting import schedule
from trainer.hyperparameters import Hyperparameters
from trainer.memory_estimate import LimitFiles, MemoryEstimate, available_memory, check_memory, estimate


def test_it_is_what_the_arrays_hold() -> None:
    """Worked out by hand: tables of 100 books by 128 floats, and products of 1,000 rows by 272."""
    found = estimate(1_000, 100, 5_000, Hyperparameters(embedding_dim=256))
    tables = 2 * 100 * 128 * 4
    assert found == MemoryEstimate(tables, 2 * tables, 6 * 1_000 * 272 * 4, 5_000 * 40)
    assert found.total == 3 * tables + 6 * 1_000 * 272 * 4 + 200_000


def test_towers_alone_are_as_wide_as_the_vectors_and_decompose_nothing() -> None:
    found = estimate(1_000, 100, 0, Hyperparameters(embedding_dim=256, parts=("trained",)))
    tables = 2 * 100 * 256 * 4
    assert found == MemoryEstimate(tables, 2 * tables, 2 * tables, 0)


@pytest.mark.parametrize(("readers", "temperatures"), [(10_001, (0.1, 0.2)), (1_000, (0.1,))])
@pytest.mark.parametrize("accelerators", [0, 1])
def test_two_fits_stand_side_by_side_where_one_temperature_is_tried_by_processors(
    readers: int, temperatures: tuple[float, ...], accelerators: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "has_accelerator", lambda: bool(accelerators))
    found = estimate(readers, 100, 0, Hyperparameters(embedding_dim=256, parts=("trained",), temperatures=temperatures))
    tables = (2 - accelerators) * 2 * 100 * 256 * 4
    assert found == MemoryEstimate(tables, 2 * tables, 2 * tables, 0)


def test_without_towers_there_is_no_optimizer() -> None:
    found = estimate(1_000, 100, 0, Hyperparameters(parts=("closed_form",)))
    assert (found.tables, found.optimizer) == (0, 0)


def test_what_does_not_fit_is_refused_with_figures_and_remedies() -> None:
    needed = MemoryEstimate(100 << 20, 200 << 20, 0, 0)
    check_memory(needed, 300 << 20)
    check_memory(needed, None)
    with pytest.raises(ConfigurationError) as refused:
        check_memory(needed, (300 << 20) - 1)
    for part in ("300 MiB (tables 100 MiB, optimizer 200 MiB", "--training.embedding-dim", "--vocabulary.max-books"):
        assert part in str(refused.value)


def test_a_containers_limit_counts_where_it_is_the_lower(tmp_path: Path) -> None:
    memory, *names = (tmp_path / name for name in ("meminfo", "max", "current", "stat"))
    files = LimitFiles(*names)
    assert available_memory(memory, ()) is None
    memory.write_text("MemTotal:       9000 kB\nMemAvailable:    4000 kB\n")
    files.usage.write_text("1000000\n")
    assert available_memory(memory, (files,)) == 4_096_000
    for text, expected in (("max\n", 4_096_000), ("3000000\n", 2_000_000), ("90000000\n", 4_096_000), ("5\n", 0)):
        files.limit.write_text(text)
        assert available_memory(memory, (files,)) == expected


def test_files_that_the_kernel_keeps_in_a_containers_memory_are_available(tmp_path: Path) -> None:
    memory, *names = (tmp_path / name for name in ("meminfo", "max", "current", "stat"))
    files = LimitFiles(*names)
    memory.write_text("MemAvailable:    9000 kB\n")
    files.limit.write_text("3000000\n")
    files.usage.write_text("2900000\n")
    files.statistics.write_text("anon 400000\nfile 2500000\nactive_file 500000\ninactive_file 1000000\n")
    assert available_memory(memory, (files,)) == 1_600_000


def test_this_machine_has_memory() -> None:
    found = available_memory()
    assert found is None or found > 1 << 20
