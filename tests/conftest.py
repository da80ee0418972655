"""Fixtures for every room, and the order of tests: the three tiers, and which tests share a worker."""

import signal
import uuid
from collections.abc import Iterator

import pytest

from core.tensorflow_settings import tell_tensorflow
from tests.s3_server import Bucket, s3_server, variables
from tests.tiers import tier_of, worker_group

# Before any test imports TensorFlow: models are compared with those of runs, digit for digit.
tell_tensorflow()

# A shell ignores interrupts in what it starts in the background, and every child of it does too: here tests send some.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts cheap tests first, and tests that share a costly fixture onto one worker."""
    items.sort(key=tier_of)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(worker_group(item)))


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket, which `s3://` and `minio://` find by the environment."""
    for name, value in variables(s3_endpoint).items():
        monkeypatch.setenv(name, value)
    made = Bucket(s3_endpoint, f"bucket-{uuid.uuid4().hex[:12]}")
    made.client.create_bucket(Bucket=made.name)
    return made
