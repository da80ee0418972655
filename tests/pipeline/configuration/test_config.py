import json
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel

from core.errors import ConfigurationError
from pipeline.configuration.config import ONLY_OF_THE_LOCAL_RUNNER, PipelineConfig, read_config


def test_all_else_has_a_default() -> None:
    config = read_config(["--data", "reviews.csv"])
    assert config == PipelineConfig(data="reviews.csv")
    assert config.training.embedding_dim > 0


def test_a_flag_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('data = "from-file.csv"\n[training]\nembedding_dim = 16\nmax_epochs = 7\n')
    config = read_config(["--config", str(file), "--training.embedding-dim", "8"])
    assert (config.data, config.training.embedding_dim, config.training.max_epochs) == ("from-file.csv", 8, 7)
    assert config.training.temperatures == PipelineConfig(data="x").training.temperatures


def leaves(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if get_origin(kind) is UnionType:
            kind = get_args(kind)[0]
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from ((name, *path) for path in leaves(kind))
        else:
            yield (name,)


def test_every_leaf_field_is_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        read_config(["--help"])
    text = capsys.readouterr().out
    for path in leaves(PipelineConfig):
        assert f"--{'.'.join(path).replace('_', '-')} " in text, path


def test_all_faults_are_told_at_once_each_with_place_value_and_remedy(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text('data = "x.csv"\nmax_reject_share = 2\nno_such_field = 1\n[training]\nlearning_rate = "fast"\n')
    with pytest.raises(ConfigurationError) as caught:
        read_config(["--config", str(file), "--split.min-reviews", "0"])
    message = str(caught.value)
    assert "4 fault(s)" in message
    assert f"{file}: max_reject_share = 2: Input should be less than or equal to 1" in message
    assert f"{file}: no_such_field: there is no such field" in message
    assert f"{file}: training.learning_rate = 'fast': Input should be a valid number" in message
    assert "--split.min-reviews = '0': Input should be greater than or equal to 2" in message


def test_a_missing_data_path_names_the_flag() -> None:
    with pytest.raises(ConfigurationError, match="--data: missing"):
        read_config([], required=["data"])


def test_a_missing_field_is_told_with_all_other_faults() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_config(["--split.min-reviews=0"], required=["data"])
    for told in ("2 fault(s)", "--data: missing", "--split.min-reviews = '0'"):
        assert told in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"data = x", "not valid TOML"), (b"data = '\xff'", "not UTF-8"), (None, "No such file")],
)
def test_an_unreadable_file_is_told_by_name(tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "run.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=told) as caught:
        read_config(["--config", str(file)])
    assert str(file) in str(caught.value)


def test_a_model_has_a_part_with_vectors() -> None:
    parts = ["--training.parts", "closed_form", "--training.parts", "regression"]
    assert read_config(["--data=x", *parts]).training.parts == ("closed_form", "regression")
    assert read_config(["--data=x", "--training.parts=trained,regression"]).training.parts == ("trained", "regression")
    with pytest.raises(ConfigurationError, match=r"--training.parts.*name trained, closed_form or both"):
        read_config(["--data=x", "--training.parts=regression"])


def test_beam_arguments_are_split_as_a_shell_would() -> None:
    config = read_config(
        ["--data=x", "--beam-runner=SparkRunner", "--beam-args=--spark_master_url=h:1 --files='a b,c'"]
    )
    assert config.beam_pipeline_args == ["--runner=SparkRunner", "--spark_master_url=h:1", "--files=a b,c"]


def test_an_unclosed_quote_in_beam_arguments_is_a_fault() -> None:
    with pytest.raises(ConfigurationError, match=r"--beam-args.*No closing quotation"):
        read_config(["--data=x", "--beam-args='"])


def test_local_locations_are_made_absolute_and_remote_ones_left() -> None:
    config = PipelineConfig(data="gs://bucket/reviews.csv", push_dir="served")
    assert config.data_location == "gs://bucket/reviews.csv"
    assert config.push_location == str(Path.cwd() / "served")


@pytest.mark.parametrize("metadata", ["mysql://user:secret@host:3306/mlmd", ""])
def test_the_metadata_store_is_a_connection_string_or_empty(metadata: str) -> None:
    assert PipelineConfig(data="x", metadata=metadata).metadata == metadata
    with pytest.raises(ConfigurationError, match="--metadata"):
        read_config(["--data=x", "--metadata=postgres://host/db"])


@pytest.mark.parametrize(
    "metadata",
    ["mysql://me:s3cret@host/a b", "postgres://me:s3cret@host/db", "mysql://me:s3cret", "me:s3cret/x@host", "s3cret"],
)
def test_a_password_in_a_wrong_address_is_not_repeated(metadata: str, tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text(f"metadata = {json.dumps(metadata)}\n")
    for arguments in ([f"--metadata={metadata}"], [f"--config={file}"]):
        with pytest.raises(ConfigurationError, match="metadata") as caught:
            read_config(["--data=x", *arguments])
        assert "s3cret" not in str(caught.value)


def test_what_is_recorded_of_a_configuration_has_every_field_and_no_password() -> None:
    config = PipelineConfig(data="in.csv", metadata="mysql://me:s3cr:et@host:3306/store", split={"seed": 5})
    recorded = config.recorded()
    assert set(recorded) == set(PipelineConfig.model_fields) - {"kubeflow"}
    assert recorded["split"]["seed"] == 5
    assert recorded["metadata"] == "mysql://***@host:3306/store"
    assert "s3cr" not in json.dumps(recorded)
    assert not set(config.recorded(without=ONLY_OF_THE_LOCAL_RUNNER)) & ONLY_OF_THE_LOCAL_RUNNER
