"""Object stores through pyarrow.fs: finds the server of an address, and makes the store's errors readable.

The server and the credentials come from the environment, by the names that every tool for these stores knows. The
environment is read at each call. The store's own library looks up the credentials, which never pass through here.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from errno import ENOENT
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs

from core.errors import ConfigurationError, StorageError

SCHEMES: Final = ("gs", "s3", "minio")
S3_ENDPOINT_VARIABLES: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
REGION_VARIABLES: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
GCS_ENDPOINT_VARIABLES: Final = ("STORAGE_EMULATOR_HOST",)

DEFAULT_REGION: Final = "us-east-1"
"""The region of stores with an endpoint of their own, if none is set."""

IN_CLUSTER_ENDPOINT: Final = "http://minio-service.kubeflow:9000"
"""The store of Kubeflow Pipelines, used if the pod's namespace has none of its own."""

CONNECT_SECONDS: Final = 5.0
REQUEST_SECONDS: Final = 20.0
ATTEMPTS: Final = 3
GCS_RETRY_SECONDS: Final = 15.0

LONGEST_REASON: Final = 300

# Error texts of the stores' libraries. Refusals are matched first: the text of one also says unavailable.
_NOT_THERE: Final = ("NO_SUCH_KEY", "No such directory")
_REFUSED: Final = (
    "ACCESS_DENIED",
    "INVALID_ACCESS_KEY_ID",
    "INVALID_CLIENT_TOKEN_ID",
    "SIGNATURE_DOES_NOT_MATCH",
    "EXPIRED_TOKEN",
    "HTTP status 401",
    "HTTP status 403",
    "OAuth2",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
)
_NO_BUCKET: Final = ("NO_SUCH_BUCKET", "bucket does not exist")
_UNREACHABLE: Final = ("NETWORK_CONNECTION", "REQUEST_TIMEOUT", "curlCode", "CURL error", "UNAVAILABLE")


class Place(NamedTuple):
    """An address, split into its parts."""

    location: str
    scheme: str
    path: str
    """`bucket/key`, as pyarrow names it."""

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.path.partition("/")[0]


def place_of(location: str) -> Place:
    """Returns the parts of `location`, without a request to the store.

    Raises:
      ConfigurationError: the scheme is unknown, or no bucket is named.
    """
    scheme, _, path = location.partition("://")
    if scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise ConfigurationError(f"{location}: the scheme {scheme}:// is not known. Use {known} or a local path.")
    path = path.rstrip("/")
    if not path or path.startswith("/"):
        raise ConfigurationError(f"{location}: names no bucket. Write {scheme}://bucket/path.")
    return Place(location, scheme, path)


def connect(place: Place) -> Any:
    """Returns pyarrow's file system for `place`. Its only request asks AWS for the bucket's region, if none is set.

    Raises:
      ConfigurationError: the endpoint in the environment is no address.
      StorageError: AWS does not return the bucket's region.
    """
    endpoint = _endpoint(place.scheme)
    if place.scheme == "gs":
        return _gcs(endpoint)
    region = _first_set(REGION_VARIABLES) or (DEFAULT_REGION if endpoint else "")
    if not region:
        with told(place):
            region = _region_of(place.bucket)
    return _s3(endpoint, region)


@contextmanager
def told(place: Place) -> Iterator[None]:
    """Turns pyarrow's errors into a StorageError that says where, why, and what to do.

    Raises:
      StorageError: the store refused, or did not answer.
      FileNotFoundError: there is no such object.
    """
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, FileNotFoundError) or any(mark in str(error) for mark in _NOT_THERE):
            raise FileNotFoundError(ENOENT, "No such file", place.location) from error
        raise StorageError(f"{place.location}: {_explanation(place, str(error))}") from error


def require_bucket(place: Place) -> None:
    """Checks that the bucket exists, as far as these credentials allow.

    Raises:
      StorageError: there is no such bucket.
    """
    with suppress(OSError):  # Credentials that may read objects need not be allowed to query the bucket.
        if connect(place).get_file_info(place.bucket).type == fs.FileType.NotFound:
            raise StorageError(f"{place.location}: {_missing_bucket(place)}")


def _endpoint(scheme: str) -> str:
    """Returns the address of the server, or an empty string for the scheme's public service."""
    if scheme == "gs":
        return _first_set(GCS_ENDPOINT_VARIABLES)
    named = _first_set(S3_ENDPOINT_VARIABLES)
    if named or scheme == "s3":
        return named
    # The order of Kubeflow Pipelines' own launcher: first the service that Kubernetes announces in the namespace.
    host, port = (os.environ.get(f"MINIO_SERVICE_SERVICE_{part}") for part in ("HOST", "PORT"))
    return f"http://{host}:{port}" if host and port else IN_CLUSTER_ENDPOINT


def _first_set(variables: tuple[str, ...]) -> str:
    return next(filter(None, map(os.environ.get, variables)), "")


def _address(endpoint: str, variables: tuple[str, ...]) -> tuple[str, str]:
    """Returns the scheme and `host:port` of `endpoint`."""
    address = urlsplit(endpoint)
    if address.scheme not in ("http", "https") or not address.netloc or address.path.strip("/"):
        raise ConfigurationError(
            f"{' or '.join(variables)} = {endpoint!r}: is no address of a server. Write http://host:port or "
            "https://host:port."
        )
    return address.scheme, address.netloc


@lru_cache(maxsize=16)
def _s3(endpoint: str, region: str) -> Any:
    scheme, host = _address(endpoint, S3_ENDPOINT_VARIABLES) if endpoint else ("https", None)
    return fs.S3FileSystem(
        region=region,
        scheme=scheme,
        endpoint_override=host,
        connect_timeout=CONNECT_SECONDS,
        request_timeout=REQUEST_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
    )


@lru_cache(maxsize=16)
def _gcs(endpoint: str) -> Any:
    limit = timedelta(seconds=GCS_RETRY_SECONDS)
    if not endpoint:
        return fs.GcsFileSystem(retry_time_limit=limit)
    scheme, host = _address(endpoint, GCS_ENDPOINT_VARIABLES)
    return fs.GcsFileSystem(anonymous=True, scheme=scheme, endpoint_override=host, retry_time_limit=limit)


@lru_cache(maxsize=64)
def _region_of(bucket: str) -> str:
    return str(fs.resolve_s3_region(bucket))


def _server(scheme: str) -> str:
    return _endpoint(scheme) or ("Google Cloud Storage" if scheme == "gs" else "AWS S3")


def _missing_bucket(place: Place) -> str:
    return f"{_server(place.scheme)} has no bucket {place.bucket!r}. Create it, or name another."


def _explanation(place: Place, error: str) -> str:
    server, is_gs = _server(place.scheme), place.scheme == "gs"
    reason = " ".join((error.splitlines() or [""])[0].split())[:LONGEST_REASON]
    if any(mark in error for mark in _REFUSED):
        who = (
            "the service account, or the file that GOOGLE_APPLICATION_CREDENTIALS names"
            if is_gs
            else "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the service account"
        )
        return f"{server} refuses access ({reason}). Check {who}, and what it may do there."
    if any(mark in error for mark in _NO_BUCKET):
        return _missing_bucket(place)
    if any(mark in error for mark in _UNREACHABLE):
        variable = (GCS_ENDPOINT_VARIABLES if is_gs else S3_ENDPOINT_VARIABLES)[0]
        return f"{server} cannot be reached ({reason}). Check the network and {variable}, which names another server."
    return f"{server} cannot do that ({reason}). Check the address, and what these credentials may do there."
