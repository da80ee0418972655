"""A pushed version as one file: `python -m registry.archive make FOLDER OUT.zip | extract ZIP FOLDER`.

The same version gives the same bytes each time: names are sorted, times and permissions fixed. A manifest inside holds
the size and the SHA-256 of every file. An archive that does not match its manifest is not extracted.
"""

import argparse
import errno
import hashlib
import json
import shutil
import stat
import struct
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from core.errors import ReleaseError
from core.exit_codes import with_exit_code
from core.terminal_text import visible
from registry.push_folder import GRAPH_FILE, STAGING_PREFIX, newest_version
from registry.remote_version import local_version, remote_folder
from storage.locations import is_remote
from storage.output_files import is_stream, replacing
from transform import features

BLOCK: Final = 1 << 20
FORMAT: Final = 1
LARGEST_MANIFEST: Final = 16 << 20
EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can store."""
WITHOUT_TWIN: Final = (
    f"Without {features.HOLDOUT_MODEL_FILE}, which no server reads: a run that pushes beside the extracted version has "
    "nothing to compare with, and does as --evaluation.unusable-served says. --twin puts it in."
)
FETCH_AGAIN: Final = "Fetch the archive again, or make it anew with `python -m registry.archive make`."
BROKEN: Final = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError)
"""Errors that zipfile raises on damaged archives."""


class FileFacts(NamedTuple):
    """A file's entry in the manifest."""

    size: int
    sha256: str


def make(source: Path, out: Path, *, holdout_model: bool = False) -> Path:
    """Writes the version in `source` to the zip file `out`, whole or not at all. Empty folders are left out.

    Args:
      source: a version's folder, or a push folder, which stands for its served version.
      out: the archive, replaced if it is there.
      holdout_model: True includes the hold-out model, which no server reads. It is as large as the model.

    Returns:
      The version's folder.

    Raises:
      ReleaseError: `source` is no version, or holds a link or a device; or `out` lies inside it.
    """
    version = source if (source / GRAPH_FILE).is_file() else newest_version(source)
    if version.resolve() in out.resolve().parents:
        raise ReleaseError(f"{out}: lies inside the version that it is to hold. Name a file outside of {version}.")
    names = sorted(name for name in _names(version) if holdout_model or name != features.HOLDOUT_MODEL_FILE)
    with replacing(out) as beside, beside.open("wb") as file, zipfile.ZipFile(file, "w") as archive:
        manifest = {name: _add(archive, name, version / name)._asdict() for name in names}
        content = json.dumps({"format": FORMAT, "files": manifest}, indent=2, ensure_ascii=False) + "\n"
        archive.writestr(_member(features.MANIFEST_FILE), content.encode())
    return version


def extract(path: Path, folder: Path) -> None:
    """Extracts the archive `path` to the new folder `folder`, which appears whole and checked, or not at all.

    Raises:
      ReleaseError: `folder` exists already, or the archive is damaged or does not match its manifest.
    """
    if folder.exists() or folder.is_symlink():
        raise ReleaseError(f"{folder}: is there already. Name a folder that is not; its versions stay as they are.")
    beside = folder.with_name(f"{STAGING_PREFIX}{folder.name}")
    try:
        with zipfile.ZipFile(path) as archive:
            members = _checked_members(archive, path)
            if beside.exists():
                shutil.rmtree(beside)  # Left by an extraction that was killed.
            beside.mkdir(parents=True)
            for member, facts in members:
                _extract(archive, member, facts, beside / member.filename, path)
        beside.rename(folder)
    except BROKEN as error:
        raise ReleaseError(f"{path}: is no zip archive, or damaged ({error}). {FETCH_AGAIN}") from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # An offset inside the archive points before its beginning.
        raise ReleaseError(f"{path}: is a damaged zip archive ({error.strerror}). {FETCH_AGAIN}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _names(version: Path) -> Iterator[str]:
    """Yields the names of the files in the folder `version`, except a manifest from another unpacking program."""
    for file in version.rglob("*"):
        name = file.relative_to(version).as_posix()
        if file.is_symlink() or not (file.is_file() or file.is_dir()):
            raise ReleaseError(f"{file}: is a link or a device, and an archive holds files only. Put the file there.")
        if fault := _fault_of_name(name):
            raise ReleaseError(f"{str(file)!r}: the name {fault}. Rename the file.")
        if file.is_file() and name != features.MANIFEST_FILE:
            yield name


def _member(name: str, size: int = 0) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, EARLIEST)
    member.create_system = 3  # Unix on every system.
    member.external_attr = (stat.S_IFREG | 0o644) << 16
    member.compress_type = zipfile.ZIP_DEFLATED
    member.file_size = size
    return member


def _add(archive: zipfile.ZipFile, name: str, file: Path) -> FileFacts:
    with file.open("rb") as source, archive.open(_member(name, file.stat().st_size), "w") as target:
        return _copy(source, target)


def _copy(source: IO[bytes], target: IO[bytes]) -> FileFacts:
    size, digest = 0, hashlib.sha256()
    while block := source.read(BLOCK):
        target.write(block)
        digest.update(block)
        size += len(block)
    return FileFacts(size, digest.hexdigest())


def _checked_members(archive: zipfile.ZipFile, path: Path) -> list[tuple[zipfile.ZipInfo, FileFacts]]:
    """Returns the members with their manifest entries, after all checks that need no unpacking."""
    members = archive.infolist()
    there = Counter(member.filename for member in members)
    for member in members:
        fault = _fault_of_name(member.orig_filename) or _fault_of_kind(member)
        if not fault and there[member.filename] > 1:
            fault = f"is there {there[member.filename]} times"
        if not fault and any(parent in there for parent in _parents(member.filename)):
            fault = "lies inside another file"
        if fault:
            raise _refusal(path, member.orig_filename, fault)
    files = _read_manifest(archive, path)
    for member in members:
        if member.filename == features.MANIFEST_FILE:
            continue
        if member.filename not in files:
            raise _refusal(path, member.filename, "is not in the manifest")
        size = files[member.filename].size
        if member.file_size != size:
            raise _refusal(path, member.filename, f"has {member.file_size:,} bytes, {size:,} by the manifest")
    for name in files:
        if name not in there:
            raise _refusal(path, name, "is in the manifest and not in the archive")
    return [(member, files[member.filename]) for member in members if member.filename != features.MANIFEST_FILE]


def _read_manifest(archive: zipfile.ZipFile, path: Path) -> dict[str, FileFacts]:
    try:
        member = archive.getinfo(features.MANIFEST_FILE)
    except KeyError as error:
        raise _refusal(path, features.MANIFEST_FILE, "is missing: this is no archive of a pushed version") from error
    if member.file_size > LARGEST_MANIFEST:
        raise _refusal(path, member.filename, f"has {member.file_size:,} bytes, more than {LARGEST_MANIFEST:,}")
    try:
        content: Any = json.loads(archive.read(member))
        files = {name: FileFacts(int(facts["size"]), str(facts["sha256"])) for name, facts in content["files"].items()}
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}, not {FORMAT}")
    except (*BROKEN, KeyError, TypeError, AttributeError) as error:
        raise _refusal(path, member.filename, f"cannot be read ({type(error).__name__}: {error})") from error
    if GRAPH_FILE not in files:
        raise _refusal(path, member.filename, f"names no {GRAPH_FILE}: this is no archive of a pushed version")
    return files


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, facts: FileFacts, target: Path, path: Path) -> None:
    """Writes a member to `target` and checks it. zipfile reads at most `file_size` bytes, the manifest's size."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open(member) as source, target.open("xb") as file:
            found = _copy(source, file)
    except BROKEN as error:
        raise _refusal(path, member.filename, f"is damaged ({error})") from error
    if found != facts:
        raise _refusal(
            path,
            member.filename,
            f"has {found.size:,} bytes with SHA-256 {found.sha256}, {facts.size:,} with {facts.sha256} by the manifest",
        )


def _fault_of_name(name: str) -> str:
    """Returns why `name` cannot be a file inside a folder on every system, or an empty string."""
    if name.startswith("/") or name[1:2] == ":":
        return "is an absolute path"
    if any(part in ("", ".", "..") for part in name.split("/")):
        return "is a folder, or leads out of it"
    if "\\" in name or not name.isprintable():
        return "has a character that no file of a pushed version has"
    return ""


def _fault_of_kind(member: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return f"is a link or a device (mode {kind:o})"
    if member.flag_bits & 1:
        return "is encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"is compressed by method {member.compress_type}, not by deflate"
    return ""


def _parents(name: str) -> Iterator[str]:
    parts = name.split("/")
    return ("/".join(parts[:length]) for length in range(1, len(parts)))


def _refusal(path: Path, name: str, fault: str) -> ReleaseError:
    return ReleaseError(f"{path}: the member {name!r} {fault}. Nothing was extracted. {FETCH_AGAIN}")


@with_exit_code()
def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line `argv`. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m registry.archive", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    maker = commands.add_parser("make", help="write a version to a zip file")
    maker.add_argument("source", metavar="FOLDER", help="a version's folder, or a push folder; may be remote")
    maker.add_argument("out", type=Path, metavar="OUT.zip", help="the archive, replaced if it is there; or a device")
    maker.add_argument(
        "--twin",
        dest="holdout_model",
        action="store_true",
        help="put the hold-out model in: a run that pushes beside the version compares with it",
    )
    extractor = commands.add_parser("extract", help="write the version in a zip file to a new folder")
    extractor.add_argument("archive", type=Path, metavar="ZIP", help="what `make` wrote")
    extractor.add_argument(
        "folder", metavar="FOLDER", help="the folder to make, as <push dir>/<version>; may be remote"
    )
    arguments = parser.parse_args(argv)
    try:
        if arguments.command == "make":
            with local_version(arguments.source) as folder:
                version = make(folder, arguments.out, holdout_model=arguments.holdout_model)
                where = f"{arguments.source}, version {version.name}," if is_remote(arguments.source) else version
                told = sys.stderr if is_stream(arguments.out) else sys.stdout
                print(visible(f"Wrote {where} to {arguments.out}"), file=told)
                if not arguments.holdout_model and (version / features.HOLDOUT_MODEL_FILE).exists():
                    print(WITHOUT_TWIN, file=told)
        elif is_remote(arguments.folder):
            with remote_folder(arguments.folder) as folder:
                extract(arguments.archive, folder)
            print(visible(f"Extracted {arguments.archive} to {arguments.folder}"))
        else:
            extract(arguments.archive, Path(arguments.folder))
            print(visible(f"Extracted {arguments.archive} to {arguments.folder}"))
    except OSError as error:
        place = error.filename or arguments.command
        print(visible(f"error: {place}: {error.strerror}. Mend that and try again."), file=sys.stderr)
        return ReleaseError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
