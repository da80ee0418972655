"""The rules of the house: who may import whom, and what an import may do."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("pipeline", "components", "trainer", "transform", "data", "serving", "scripts")
MAY_IMPORT = {
    "pipeline": {"pipeline", "components", "trainer", "transform"},
    "components": {"components", "trainer", "transform"},
    "trainer": {"trainer", "transform"},
    "transform": {"transform"},
    "data": {"data", "transform"},
    "serving": {"serving", "transform"},
    "scripts": {"scripts", "pipeline"},
}
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imported_modules(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_the_rooms_below_it(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    rooms = {name.split(".")[0] for name in imported_modules(path)} & set(ROOMS)
    assert rooms <= MAY_IMPORT[room]


@pytest.mark.parametrize("path", sorted((ROOT / "serving").rglob("*.py")), ids=lambda path: path.name)
def test_serving_does_not_import_tfx(path: Path) -> None:
    assert not {name for name in imported_modules(path) if name.split(".")[0] in {"tfx", "tensorflow_transform"}}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_enough_to_be_read_at_once(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_the_runners_hold_only_what_differs_between_them() -> None:
    for name in ("local_runner.py", "kubeflow_runner.py"):
        assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= 70, name


@pytest.mark.exhaustive
def test_importing_any_module_leaves_environment_files_and_flags_alone(tmp_path: Path) -> None:
    """Every module is imported in one fresh process, in an empty folder."""
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in MODULES]
    program = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
import importlib, tensorflow, tfx.v1, tensorflow_recommenders
before = dict(os.environ)
for name in {[*names, "local_runner", "kubeflow_runner"]!r}:
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
