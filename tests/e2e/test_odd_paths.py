"""A run, and what is done with its model, where the names of all folders and files are odd."""

import csv
import json
from pathlib import Path

import pytest
from tfx import v1 as tfx
from tfx.orchestration import metadata

from pipeline.commands import report_index
from pipeline.configuration.config import SCHEMA_FILE
from registry import archive, release
from registry.push_folder import newest_version
from serving import recommend
from tests.e2e.runs import HEADER, TASTES, Run, Runner
from tests.odd_names import ODD_FOLDER

pytestmark = [pytest.mark.e2e, pytest.mark.exhaustive]


def artifact_paths(run: Run) -> list[str]:
    """Where ML Metadata has the artifacts of all runs."""
    file = str(run.work_dir / "metadata.sqlite")
    with metadata.Metadata(tfx.orchestration.metadata.sqlite_metadata_connection_config(file)) as handle:
        return [artifact.uri for artifact in handle.store.get_artifacts()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Has reviews, a contract, a key and a list of readers, in folders and files with odd names."""
    folder = tmp_path_factory.mktemp("odd") / ODD_FOLDER
    (folder / f"reviews {ODD_FOLDER}").mkdir(parents=True)
    (folder / f"reviews {ODD_FOLDER}" / f"{ODD_FOLDER}.csv").write_text(HEADER + TASTES)
    (folder / f"{ODD_FOLDER}.pbtxt").write_bytes(SCHEMA_FILE.read_bytes())
    (folder / f"{ODD_FOLDER}.key").write_text("0123456789abcdef0123456789")
    (folder / f"{ODD_FOLDER}.key").chmod(0o600)
    (folder / f"{ODD_FOLDER}.txt").write_text("reader-1\nreader-2\n")
    return folder


@pytest.fixture(scope="module")
def flags(folder: Path) -> list[str]:
    return [
        "--training.parts=closed_form",
        "--tuning.trials=1",
        "--tuning.folds=2",
        f"--schema-file={folder / ODD_FOLDER}.pbtxt",
        f"--pseudonym-key-file={folder / ODD_FOLDER}.key",
    ]


@pytest.fixture(scope="module")
def pushed(folder: Path, flags: list[str]) -> Run:
    return Runner(folder)(folder / f"reviews {ODD_FOLDER}", *flags)


def test_a_model_is_pushed_and_everything_is_where_it_was_asked_for(pushed: Run, folder: Path) -> None:
    assert pushed.exit_code == 0, pushed.output + pushed.errors
    assert newest_version(pushed.push_dir).is_dir()
    assert (pushed.report / "index.html").is_file()
    assert pushed.report.is_relative_to(pushed.work_dir)
    paths = artifact_paths(pushed)
    assert len(paths) > 15
    assert {path for path in paths if not path.startswith(f"{pushed.work_dir}/artifacts/")} <= {
        f"{folder / ODD_FOLDER}.pbtxt"
    }
    assert len([path for path in (pushed.work_dir / "tuning").iterdir() if path.suffix == ".sqlite"]) == 1
    assert report_index.main(["--work-dir", str(pushed.work_dir), "--no-open"]) == 0


def test_the_model_is_asked_listed_and_archived_there(
    pushed: Run, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readers, answers = (folder / f"{ODD_FOLDER}.{suffix}" for suffix in ("txt", "csv"))
    source = ["--push-dir", str(pushed.push_dir)]
    key = ["--key-file", f"{folder / ODD_FOLDER}.key"]
    assert recommend.main([*source, *key, "--users", str(readers), "--out", str(answers), "-k", "3"]) == 0
    with answers.open(newline="", encoding="utf-8") as file:
        assert [row["user"] for row in csv.DictReader(file)] == ["reader-1"] * 3 + ["reader-2"] * 3
    assert release.main(["list", *source]) == 0
    packed, unpacked = folder / f"{ODD_FOLDER}.zip", folder / f"unpacked {ODD_FOLDER}"
    assert archive.main(["make", str(pushed.push_dir), str(packed)]) == 0
    unpacked.mkdir()
    assert archive.main(["extract", str(packed), str(unpacked / "1")]) == 0
    capsys.readouterr()
    assert recommend.main(["--push-dir", str(unpacked), *key, "--user", "reader-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["known_user"] is True


def test_a_run_that_is_refused_names_its_files_as_they_are_called(pushed: Run, folder: Path, flags: list[str]) -> None:
    assert pushed.exit_code == 0
    bad = folder / f"bad {ODD_FOLDER}.csv"
    bad.write_text(HEADER + TASTES + "9,,Book 1,5,\n" * 100)
    refused = Runner(folder)(bad, *flags)
    assert refused.exit_code == 3
    [kept] = (pushed.work_dir / "artifacts" / "RatingsExampleGen" / "examples").glob("*-rejects.csv")
    assert f"All are listed in {kept}. " in refused.errors
    assert (refused.report / "index.html").is_file()
