"""Checks before the first component starts. All faults are reported at once."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from core import pseudonyms
from core.errors import ConfigurationError, InputError, StorageError
from data.reviews.sources import check_reviews
from pipeline.configuration.config import PipelineConfig
from pipeline.local import flink_job_server
from storage import locations

KEY_FILE_NAME: Final = "pseudonym.key"
METADATA_FILE: Final = "metadata.sqlite"


def check(config: PipelineConfig) -> None:
    """Checks that `config` can work on this machine, and creates the work folder and the push folder.

    Raises:
      InputError: there is one fault.
      ConfigurationError: there are several faults; the message lists all of them.
    """
    faults: list[InputError] = []
    for test in (
        _check_data,
        _check_schema,
        _check_work_dir,
        _check_metadata,
        _check_push_dir,
        _check_key,
        flink_job_server.check,
    ):
        try:
            test(config)
        except InputError as fault:
            faults.append(fault)
    if len(faults) > 1:
        raise ConfigurationError("\n".join([f"{len(faults)} faults:", *(f"  {fault}" for fault in faults)]))
    if faults:
        raise faults[0]


def key_file(config: PipelineConfig) -> Path | None:
    """Returns the file with the pseudonym key of the run, or None if the environment has the key."""
    if config.pseudonym_key_file is not None:
        return config.pseudonym_key_file.resolve()
    if pseudonyms.KEY_VARIABLE in os.environ or os.environ.get(pseudonyms.KEY_FILE_VARIABLE):
        return None
    return config.work_dir.resolve() / KEY_FILE_NAME


def is_own_key(config: PipelineConfig) -> bool:
    """Returns True if the user brings no key, so that the run uses the key in the work folder."""
    return config.pseudonym_key_file is None and key_file(config) is not None


def provide_key(config: PipelineConfig) -> bool:
    """Creates the key in the work folder if the run needs it and it is missing. Returns True if it was created."""
    file = key_file(config)
    if file is None or not is_own_key(config) or file.exists():
        return False
    pseudonyms.create_key_file(file)
    return True


def _check_data(config: PipelineConfig) -> None:
    check_reviews(config.data)


def _check_schema(config: PipelineConfig) -> None:
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    try:
        text_format.Parse(config.schema_file.read_bytes(), schema_pb2.Schema())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"--schema-file {config.schema_file}: is no schema in protobuf text form ({error}). "
            "Mend it, or leave the flag out for data/schema/schema.pbtxt."
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"--schema-file {config.schema_file}: cannot be read ({error.strerror}). "
            "Name a schema in protobuf text form."
        ) from error


def _check_work_dir(config: PipelineConfig) -> None:
    _check_folder("--work-dir", config.work_dir)


def _check_metadata(config: PipelineConfig) -> None:
    """Fails on a truncated or overwritten database, because all runs would fail with obscure errors."""
    file = config.work_dir.resolve() / METADATA_FILE
    if config.metadata or not file.is_file():
        return
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            [(found,)] = database.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        raise ConfigurationError(
            f"{file}: is no whole SQLite database ({found.splitlines()[-1]}). Restore it from a copy, or move it away: "
            "then earlier runs are not known any more, and their artifacts stay."
        )


def _check_push_dir(config: PipelineConfig) -> None:
    if locations.is_remote(config.push_dir):
        try:
            locations.entries(config.push_dir)
        except StorageError as error:
            raise ConfigurationError(f"--push-dir {error}") from error
        return
    _check_folder("--push-dir", Path(config.push_dir))
    if Path(config.push_dir).resolve() == config.work_dir.resolve():
        raise ConfigurationError(
            f"--push-dir {config.push_dir}: is the work folder. Name another folder, one that TF Serving may read."
        )


def _check_folder(flag: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".write-test-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except FileExistsError as error:
        raise ConfigurationError(f"{flag} {folder}: is a file. Name a folder.") from error
    except OSError as error:
        raise ConfigurationError(
            f"{flag} {folder}: cannot be written ({error.strerror}). Name a folder in which this user may write."
        ) from error


def _check_key(config: PipelineConfig) -> None:
    file = key_file(config)
    if not is_own_key(config) or (file is not None and file.exists()):
        pseudonyms.read_key(file)
