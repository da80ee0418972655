"""What ML Metadata knows of artifacts whose folder is reached by two paths."""

from pathlib import Path

from tfx import v1 as tfx
from tfx.orchestration import metadata

from pipeline.configuration.config import PipelineConfig
from pipeline.local.report import LocalReport
from pipeline.local.run_artifacts import move_artifacts
from tests.odd_names import ODD_FOLDER


def test_artifacts_below_a_folder_are_known_by_its_other_path_and_no_others(tmp_path: Path) -> None:
    connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite"))
    with metadata.Metadata(connection) as handle:
        for uri in ("/link/a", "/link/b/c", "/linked/a", "/else"):
            artifact = tfx.types.standard_artifacts.Examples()
            artifact.uri = uri
            handle.publish_artifacts([artifact])
    move_artifacts(connection, "/link", "/work [1]")
    with metadata.Metadata(connection) as handle:
        found = sorted(artifact.uri for artifact in handle.store.get_artifacts())
    assert found == ["/else", "/linked/a", "/work [1]/a", "/work [1]/b/c"]


def test_a_run_reaches_artifacts_by_a_plain_path_while_it_lasts(tmp_path: Path) -> None:
    work_dir = tmp_path / ODD_FOLDER
    work_dir.mkdir()
    report = LocalReport(PipelineConfig(work_dir=work_dir), "1")
    with report.plain_artifacts():
        assert ODD_FOLDER not in str(report.pipeline_root)
        report.pipeline_root.mkdir()
    assert report.pipeline_root == work_dir / "artifacts"
    assert report.pipeline_root.is_dir()
