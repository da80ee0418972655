"""The object store: a folder, and the launcher's two ways between it and a container's own folders.

After backend/src/v2/objectstore/object_store.go and LocalPathForURI of kubeflow/pipelines 2.16.
"""

import shutil
from pathlib import Path
from typing import Final

from tests.kubeflow.backend.documents import RefusedError

MOUNTS: Final = {"gs": "gcs", "s3": "s3", "minio": "minio"}


def mounted(uri: str, root: Path) -> Path:
    """Returns where the launcher has `uri` in a container whose file system begins at `root`."""
    scheme, _, key = uri.partition("://")
    if scheme not in MOUNTS or not key:
        raise RefusedError(f"failed to generate local path for URI {uri}: unsupported storage scheme")
    return root / MOUNTS[scheme] / key


class ObjectStore:
    """Objects below a folder, by scheme, bucket and key. There are no empty folders in it."""

    def __init__(self, folder: Path):
        """Takes the folder in which the objects are kept."""
        self._folder = folder

    def path(self, uri: str) -> Path:
        """Returns the file, or the folder of files, in which the objects at `uri` are kept."""
        scheme, _, key = uri.partition("://")
        return self._folder / scheme / key

    def upload(self, local: Path, uri: str) -> None:
        """Copies a file or the files below a folder; nothing where a step has written nothing."""
        _copy(local, self.path(uri))

    def download(self, uri: str, local: Path) -> None:
        """Copies the object at `uri`, or those below it; nothing where there are none."""
        _copy(self.path(uri), local)


def _copy(source: Path, target: Path) -> None:
    files = [source] if source.is_file() else [path for path in source.rglob("*") if path.is_file()]
    for file in files:
        place = target / file.relative_to(source) if file != source else target
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
