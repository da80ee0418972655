"""Asking the tests' API server as a user does: by the command, with a token."""

import json
from pathlib import Path
from typing import Final

import kubeflow_runner
from tests.pipeline.kubeflow.submit.api_server import ApiServer
from tests.pipeline.kubeflow.submit.small_package import write_package

TOKEN: Final = "eyJhbGciOiJub25lIn0.c2VjcmV0"


def submit(server: ApiServer, folder: Path, *flags: str) -> int:
    package = write_package(folder)
    return kubeflow_runner.main(
        ["submit", f"--host={server.address}", f"--package={package}", "--data=gs://bucket/reviews", *flags]
    )


def error(status: int, message: str) -> bytes:
    return json.dumps({"error": message, "code": 1, "message": message, "details": []}).encode()
