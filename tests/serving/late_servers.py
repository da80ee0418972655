"""A server that joins requests and was asked before it was started."""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from serving.client import connect
from tests.serving.servers import PATIENCE_SECONDS, SCHEMES, Server, free_ports
from tests.serving.wire_requests import USERS


class LateServer(NamedTuple):
    """The server, and what else is known of it."""

    server: Server
    push_dir: Path
    """What it serves, and watches."""
    asked_before: dict[str, Future]
    """By protocol, the answer to who asked before the server was there."""


@contextmanager
def late_server(kind: str, model: Path, folder: Path) -> Iterator[LateServer]:
    """Serves `model` from `folder`, once two clients have asked."""
    shutil.copytree(model, folder / "push" / "7")
    ports = free_ports()
    threads = ThreadPoolExecutor(2)
    clients = {
        scheme: connect(f"{scheme}://127.0.0.1:{port}", timeout_seconds=PATIENCE_SECONDS)
        for scheme, port in zip(SCHEMES, ports, strict=True)
    }
    asked = {scheme: threads.submit(client.recommend_top, USERS) for scheme, client in clients.items()}
    time.sleep(0.5)
    assert not any(answer.done() for answer in asked.values())
    server = Server(kind, folder / "push", folder / "log", batching=True, ports=ports)
    try:
        server.wait()
        yield LateServer(server, folder / "push", asked)
    finally:
        server.stop()
        threads.shutdown()
        for client in clients.values():
            client.close()
