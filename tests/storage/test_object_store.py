"""Which server is asked, by whom, and what is said when it does not answer as it should."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from core.errors import ConfigurationError, StorageError
from storage import locations, object_store
from storage.object_store import IN_CLUSTER_ENDPOINT, place_of
from tests.s3_server import REGION, Bucket, client, free_port, s3_server

ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


class Account(NamedTuple):
    endpoint: str
    bucket: str
    key_id: str
    secret: str


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """A server that checks signatures and rights. Its user may read and write in one bucket."""
    unchecked_calls = 5
    with s3_server(INITIAL_NO_AUTH_ACTION_COUNT=str(unchecked_calls)) as endpoint:
        rights = {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::mine", "arn:aws:s3:::mine/*"]}
        policy = json.dumps({"Version": "2012-10-17", "Statement": rights})
        iam = client(endpoint, "iam")
        client(endpoint).create_bucket(Bucket="mine")
        client(endpoint).create_bucket(Bucket="others")
        iam.create_user(UserName="reader")
        iam.put_user_policy(UserName="reader", PolicyName="own", PolicyDocument=policy)
        key = iam.create_access_key(UserName="reader")["AccessKey"]
        yield Account(endpoint, "mine", key["AccessKeyId"], key["SecretAccessKey"])


@pytest.fixture
def logged_in(account: Account, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", account.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", account.secret)
    monkeypatch.setenv("AWS_REGION", REGION)
    return account


@pytest.mark.integration
def test_with_the_right_key_files_are_written_and_read(logged_in: Account) -> None:
    locations.write_bytes(b"1", "s3://mine/push/7/file")
    assert locations.files("s3://mine/push") == ["7/file"]


@pytest.mark.integration
@pytest.mark.parametrize(
    "wrong",
    [
        {"AWS_SECRET_ACCESS_KEY": "wrong-and-never-to-be-shown"},
        {"AWS_ACCESS_KEY_ID": "UNKNOWN", "AWS_SECRET_ACCESS_KEY": "wrong-and-never-to-be-shown"},
    ],
    ids=["secret", "key"],
)
def test_refused_credentials_are_told_with_the_remedy_and_without_the_secret(
    wrong: dict[str, str], logged_in: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    for ask in (
        lambda: locations.exists("s3://mine/file"),
        lambda: locations.entries("s3://mine/push"),
        lambda: locations.write_bytes(b"1", "s3://mine/file"),
        lambda: locations.open_file("s3://mine/file"),
    ):
        with pytest.raises(StorageError) as caught:
            ask()
        told = str(caught.value)
        assert told.startswith("s3://mine/")
        assert f"{logged_in.endpoint} refuses access" in told
        assert "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in told
        assert "never-to-be-shown" not in told


@pytest.mark.integration
def test_a_bucket_of_others_is_refused(logged_in: Account) -> None:
    with pytest.raises(StorageError, match="refuses access"):
        locations.entries("s3://others/push")


@pytest.mark.integration
@pytest.mark.parametrize("location", ["s3://none/push", "minio://none/push"])
def test_a_missing_bucket_is_told_whatever_is_asked(location: str, bucket: Bucket) -> None:
    for ask in (
        lambda: locations.entries(location),
        lambda: locations.files(location),
        lambda: locations.status(location),
        lambda: locations.open_file(location),
        lambda: locations.write_bytes(b"1", location),
        lambda: locations.remove_folder(location),
    ):
        with pytest.raises(StorageError, match=f"^{location}: {bucket.endpoint} has no bucket 'none'. Create it"):
            ask()


@pytest.mark.integration
@pytest.mark.parametrize("location", ["s3://bucket/push", "minio://bucket/push"])
def test_an_endpoint_that_is_not_there_is_told_within_seconds(
    location: str, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    started = time.monotonic()
    with pytest.raises(StorageError, match=f"^{location}: {endpoint} cannot be reached .*Check the network"):
        locations.entries(location)
    assert time.monotonic() - started < 15


@pytest.mark.integration
def test_a_server_that_takes_the_call_and_says_nothing_is_given_up(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "REQUEST_SECONDS", 1.0)
    monkeypatch.setattr(object_store, "ATTEMPTS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{silent.getsockname()[1]}")
        accepted: list[socket.socket] = []
        threading.Thread(target=lambda: accepted.append(silent.accept()[0]), daemon=True).start()
        with pytest.raises(StorageError, match="cannot be reached"):
            locations.exists("s3://bucket/file")


def test_a_google_endpoint_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "GCS_RETRY_SECONDS", 1.0)
    endpoint = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", endpoint)
    with pytest.raises(StorageError, match=f"^gs://bucket/file: {endpoint} cannot be reached .*STORAGE_EMULATOR_HOST"):
        locations.exists("gs://bucket/file")


@pytest.mark.integration
@pytest.mark.parametrize("named", [{ENDPOINTS[0]: "{}"}, {ENDPOINTS[1]: "{}"}, {ENDPOINTS[0]: "{}", ENDPOINTS[1]: "x"}])
@pytest.mark.parametrize("scheme", ["s3", "minio"])
def test_the_endpoint_is_the_environments_at_the_time_of_the_call(
    scheme: str, named: dict[str, str], bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*ENDPOINTS, "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in named.items():
        monkeypatch.setenv(name, value.format(bucket.endpoint))
    bucket.put("file", b"1")
    assert locations.read_bytes(f"{scheme}://{bucket.name}/file") == b"1"


def test_minio_without_an_endpoint_is_kubeflows_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    system = object_store.connect(place_of("minio://mlpipeline/push"))
    assert system.equals(object_store._s3(IN_CLUSTER_ENDPOINT, REGION))
    monkeypatch.setenv("MINIO_SERVICE_SERVICE_HOST", "10.0.0.7")
    monkeypatch.setenv("MINIO_SERVICE_SERVICE_PORT", "9001")
    system = object_store.connect(place_of("minio://mlpipeline/push"))
    assert system.equals(object_store._s3("http://10.0.0.7:9001", REGION))


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9000", "http://", "http://host/bucket", "ftp://host"])
def test_an_endpoint_that_is_no_address_is_told_by_its_variable(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    with pytest.raises(ConfigurationError, match=f"AWS_ENDPOINT_URL_S3 .*'{endpoint}'.* Write http://host:port"):
        locations.exists("s3://bucket/file")
