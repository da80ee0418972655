"""The bearer token: sent with every request, and shown nowhere."""

import logging
from pathlib import Path

import pytest

from core.errors import ConfigurationError
from pipeline.kubeflow.submit.client import KubeflowClient
from pipeline.kubeflow.submit.connection import TOKEN_VARIABLE, Connection
from tests.pipeline.kubeflow.submit.api_server import API, ApiServer
from tests.pipeline.kubeflow.submit.asking import TOKEN, error, submit
from tests.pipeline.kubeflow.submit.http_serving import Fault, serving


def test_the_token_is_sent_as_bearer_with_every_request_and_shown_nowhere(
    server: ApiServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    server.told.scenes = [{"": "FAILED", "Train": "FAILED"}]
    server.told.errors = {"Train": f"got Authorization: Bearer {TOKEN}"}
    assert submit(server, tmp_path, "--wait") == 1
    server.faults.append(Fault("POST", f"{API}/runs", 403, error(403, f"Bearer {TOKEN} may not")))
    assert submit(server, tmp_path) == 2
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {TOKEN}"}
    said = capsys.readouterr()
    assert "Bearer *** may not" in said.err
    assert "got Authorization: Bearer ***" in said.err
    assert "gets the token without encryption" in said.out
    assert TOKEN not in said.out + said.err + caplog.text


def test_a_token_that_is_renewed_in_its_file_is_used_from_then_on(server: ApiServer, token_file: Path) -> None:
    client = KubeflowClient(Connection(host=server.address, token_file=token_file))
    client.check()
    server.token = "renewed"
    with pytest.raises(ConfigurationError, match="401"):
        client.check()
    token_file.write_text("renewed")
    client.check()


@pytest.mark.parametrize("content", ["", "  \n", "two words", "line\nbreak", "größe"])
def test_a_file_that_holds_no_token_is_refused_without_its_content(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    (tmp_path / "token").write_text(content, encoding="utf-8")
    with serving(ApiServer()) as server:
        assert submit(server, tmp_path, f"--token-file={tmp_path / 'token'}") == 2
        assert submit(server, tmp_path, f"--token-file={tmp_path / 'missing'}") == 2
        assert not server.requests
    said = capsys.readouterr().err
    assert "is empty, or has more in it than one token" in said
    assert "missing: cannot be read" in said
    assert not content.strip() or content not in said


@pytest.mark.parametrize("flags", [["--token", TOKEN], [f"--token={TOKEN}"]])
def test_a_token_on_the_command_line_is_refused(
    server: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    assert submit(server, tmp_path, *flags) == 2
    said = capsys.readouterr().err
    assert "other users of this machine can read a command line" in said
    assert TOKEN not in said
    assert not server.requests
