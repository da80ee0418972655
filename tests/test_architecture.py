"""The rules of the house: who may import whom, and what an import may do."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from core.project import ROOT

FLOORS: Final = (
    {"core"},
    {"transform"},
    {"storage"},
    {"registry", "data"},
    {"evaluation", "serving"},
    {"trainer.hyperparameters"},
    {"trainer.models"},
    {"trainer.fitting", "trainer.export"},
    {"trainer.selection"},
    {"trainer.tuning"},
    {"trainer"},
    {"components.artifacts"},
    {
        "components.ingestion",
        "components.splitting",
        "components.evaluation",
        "components.serving",
        "components.tuning",
    },
    {"components"},
    {"report.facts"},
    {"report.page", "report.card"},
    {"report"},
    {"pipeline.configuration", "pipeline.start", "pipeline.display"},
    {"pipeline.graph"},
    {"pipeline.local", "pipeline.kubeflow"},
    {"pipeline.commands"},
    {"pipeline"},
    {"local_runner", "kubeflow_runner", "benchmarks", "scripts"},
)
"""The rooms, ground floor first. A module imports its own room and the floors below, and no other room of its floor."""

ROOMS: Final = sorted({room.partition(".")[0] for floor in FLOORS for room in floor})
MODULES: Final = sorted(
    path for room in ROOMS for path in (*(ROOT / room).rglob("*.py"), ROOT / f"{room}.py") if path.is_file()
)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES: Final = {name_of(path) for path in MODULES}


def place_of(module: str) -> tuple[int, str]:
    """Returns the floor and the room of a module: of the rooms that hold it the innermost."""
    rooms = [
        (len(room), number, room)
        for number, floor in enumerate(FLOORS)
        for room in floor
        if f"{module}.".startswith(f"{room}.")
    ]
    _, number, room = max(rooms)
    return number, room


def may_import(module: str, other: str) -> bool:
    (floor, room), (below, its_room) = place_of(module), place_of(other)
    return below < floor or room == its_room


def imported_modules(path: Path) -> set[str]:
    """Returns the modules and packages that are imported anywhere in a file, by their full names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= members & NAMES or {node.module}
    return names


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_its_room_and_the_floors_below(path: Path) -> None:
    above = [name for name in imported_modules(path) & NAMES if not may_import(name_of(path), name)]
    assert above == []


@pytest.mark.parametrize(
    ("module", "other", "allowed"),
    [
        ("trainer.run", "trainer.export.saved_model", True),
        ("trainer.export.saved_model", "trainer.run", False),
        ("trainer.export.index", "trainer.export.exact_index", True),
        ("trainer.export.index", "trainer.fitting.training", False),
        ("serving.client", "evaluation.metrics", False),
        ("serving.client", "registry.push_folder", True),
        ("core.errors", "storage.locations", False),
        ("components.serving.atomic_pusher", "report.card.card_files", False),
    ],
)
def test_floors_are_told_apart(module: str, other: str, allowed: bool) -> None:
    assert may_import(module, other) is allowed


@pytest.mark.parametrize("path", sorted((ROOT / "scripts" / "bootstrap").rglob("*.py")), ids=name_of)
def test_what_makes_the_environment_needs_no_package(path: Path) -> None:
    own = {name for name in imported_modules(path) if name.startswith("scripts.")}
    assert {name.partition(".")[0] for name in imported_modules(path) - own} <= sys.stdlib_module_names
    assert all(name.startswith("scripts.bootstrap") for name in own)


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if place_of(name_of(path))[1] in {"core", "storage", "registry", "serving"}],
    ids=name_of,
)
def test_what_a_consumer_or_an_operator_needs_does_not_import_tfx(path: Path) -> None:
    assert not {name for name in imported_modules(path) if name.split(".")[0] in {"tfx", "tensorflow_transform"}}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_short_enough_to_be_read_at_once(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_the_runners_hold_only_what_differs_between_them() -> None:
    for name in ("local_runner.py", "kubeflow_runner.py"):
        assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= 70, name


@pytest.mark.exhaustive
def test_importing_any_module_leaves_environment_files_and_flags_alone(tmp_path: Path) -> None:
    """Every module is imported in one fresh process, in an empty folder."""
    names = sorted(name for name in NAMES if not f"{name}.".startswith("benchmarks."))
    program = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
import importlib, tensorflow, tfx.v1, tensorflow_recommenders
before = dict(os.environ)
for name in {names!r}:
    importlib.import_module(name)
changed = {{key for key in os.environ.keys() | before.keys() if os.environ.get(key) != before.get(key)}}
assert not changed, changed
assert not os.listdir("."), os.listdir(".")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.integration
def test_reading_the_configuration_loads_neither_tfx_nor_tensorflow() -> None:
    program = (
        "import sys, local_runner; sys.exit(' '.join({'tfx', 'tensorflow', 'apache_beam'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
