"""What a person is told when a server does not do what it is asked."""

import datetime
import json
import socket
import ssl
from pathlib import Path

import kfp_server_api as api
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pipeline.kubeflow.submit.client import KubeflowClient
from pipeline.kubeflow.submit.connection import TOKEN_VARIABLE, Connection
from tests.pipeline.kubeflow.submit.api_server import API, ApiServer
from tests.pipeline.kubeflow.submit.asking import error, submit
from tests.pipeline.kubeflow.submit.http_serving import Fault, serving


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "words"),
    [
        (
            "GET",
            "/healthz",
            401,
            2,
            ["asked to say how it is", "401 (says the server)", "--token-file", TOKEN_VARIABLE],
        ),
        ("GET", "/pipelines", 403, 2, ["list pipelines named readalike", "403", "ask for the right", "--namespace"]),
        ("POST", "/pipelines/upload_version", 403, 2, ["upload", "readalike.yaml", "403 (says the server)"]),
        ("GET", "/healthz", 404, 2, ["404", "Check --host"]),
        ("POST", "/runs", 404, 2, ["start the run", "404 (says the server)"]),
        ("POST", "/pipelines/upload_version", 409, 2, ["as version", "409", "take another name"]),
        ("POST", "/runs", 400, 2, ["400 (says the server)", "Correct what it names"]),
        ("POST", "/experiments", 500, 1, ["create the experiment readalike", "500 (says the server)", "its log"]),
        ("POST", "/runs", 503, 1, ["start the run", "503", "try again later"]),
    ],
)
def test_a_refusal_says_who_was_asked_for_what_and_what_to_do(
    server: ApiServer,
    token_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    method: str,
    path: str,
    status: int,
    code: int,
    words: list[str],
) -> None:
    server.faults.append(Fault(method, API + path, status, error(status, "says the server")))
    assert submit(server, tmp_path, f"--token-file={token_file}") == code
    said = capsys.readouterr().err
    assert said.startswith(f"error: {server.address}, asked to ")
    assert said.count("\n") == 1
    for word in words:
        assert word in said


def test_the_servers_other_form_of_an_error_is_understood_and_its_stack_trace_left_out(
    server: ApiServer, token_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = json.dumps({"error_message": "Invalid\n pipeline.", "error_details": "goroutine 1 [running]"}).encode()
    server.faults.append(Fault("POST", f"{API}/pipelines/upload_version", 500, body))
    assert submit(server, tmp_path, f"--token-file={token_file}") == 1
    said = capsys.readouterr().err
    assert "500 (Invalid pipeline)." in said
    assert "goroutine" not in said


def test_a_server_without_this_api_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(ApiServer()) as server:
        server.address += "/elsewhere"
        assert submit(server, tmp_path) == 2
    assert "/elsewhere, asked to say how it is: it answers 404 (Not Found). Check --host" in capsys.readouterr().err


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b'"a text"', b"", b"\xff\xfe"])
def test_a_login_page_is_no_empty_answer(
    server: ApiServer, token_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    server.faults.append(Fault("GET", f"{API}/pipelines", 200, body, "text/html"))
    assert submit(server, tmp_path, f"--token-file={token_file}") == 2
    said = capsys.readouterr().err
    assert "list pipelines named readalike: the answer is not JSON" in said
    assert not server.asked("POST", ".*")


def test_a_redirect_to_a_login_page_is_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(ApiServer()) as server:
        server.faults.append(Fault("GET", f"{API}/healthz", 302, b"", headers={"Location": "/dex/auth"}))
        assert submit(server, tmp_path) == 2
        assert not server.asked("GET", "/dex/auth")
    assert "it sends to /dex/auth, perhaps a login page" in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_given_up_after_the_time_limit(
    server: ApiServer, token_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.faults.append(Fault("POST", f"{API}/runs", 200, b"{}", seconds=1.5))
    assert submit(server, tmp_path, f"--token-file={token_file}", "--timeout=0.3") == 1
    said = capsys.readouterr().err
    assert "asked to start the run" in said
    assert "no answer in 0.3 s" in said
    assert "--timeout" in said
    assert len(server.asked("POST", f"{API}/runs")) == 1  # Asked twice, it could have been started twice.


def test_a_server_that_is_not_there_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = ApiServer()
        server.address = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert submit(server, tmp_path) == 1
    said = capsys.readouterr()
    assert "it cannot be reached" in said.err
    assert "Connection refused" in said.err
    assert said.err.count("\n") == 1


def test_a_question_is_asked_again_where_the_server_is_away_for_a_moment(server: ApiServer, token_file: Path) -> None:
    server.faults.append(Fault("GET", f"{API}/pipelines", 503, b"", times=2))
    client = KubeflowClient(Connection(host=server.address, token_file=token_file))
    assert client.find_pipeline("readalike") is None
    assert len(server.asked("GET", f"{API}/pipelines")) == 3


def test_a_change_is_sent_once_even_where_the_server_says_that_it_is_busy(
    server: ApiServer, token_file: Path, tmp_path: Path
) -> None:
    server.faults.append(Fault("POST", f"{API}/runs", 503, b"", times=1))
    assert submit(server, tmp_path, f"--token-file={token_file}") == 1
    assert len(server.asked("POST", f"{API}/runs")) == 1


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, key_file = tmp_path / "ca.pem", tmp_path / "key.pem"
    file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key_file)
    return file, context


def test_a_certificate_counts_only_if_its_authority_is_named(
    certificate: tuple[Path, ssl.SSLContext], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, context = certificate
    with serving(ApiServer(), tls=context) as server:
        assert submit(server, tmp_path) == 2
        said = capsys.readouterr().err
        assert "no trusted connection" in said
        assert "CERTIFICATE_VERIFY_FAILED" in said
        assert "--ca-cert" in said
        assert not server.requests
        assert submit(server, tmp_path, f"--ca-cert={file}") == 0


def test_https_to_a_server_that_speaks_http_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(ApiServer()) as server:
        server.address = server.address.replace("http:", "https:")
        assert submit(server, tmp_path) == 2
    assert "no trusted connection" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        ("kubeflow.example", "must be an address such as"),
        ("ftp://kubeflow.example", "must be an address such as"),
        ("https://", "must be an address such as"),
        ("https://me:hidden@kubeflow.example", "must not hold a name or a password"),
    ],
)
def test_a_host_that_cannot_be_one_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], host: str, fault: str
) -> None:
    server = ApiServer()
    server.address = host
    assert submit(server, tmp_path) == 2
    said = capsys.readouterr().err
    assert fault in said
    assert "hidden" not in said


def test_the_address_of_a_page_of_the_ui_is_that_of_the_server() -> None:
    assert Connection(host="https://kubeflow.example/pipeline/#/runs?x=1").host == "https://kubeflow.example/pipeline"


def test_bad_certificates_and_time_limits_are_told_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    server = ApiServer()
    server.address = "http://localhost:1"
    assert submit(server, tmp_path, f"--ca-cert={tmp_path / 'ca.pem'}", "--timeout=-1", "--experiment=") == 2
    said = capsys.readouterr().err
    assert "3 fault(s)" in said
    for flag in ("--ca-cert", "--timeout", "--experiment"):
        assert flag in said


def test_lists_are_read_to_their_end(server: ApiServer, token_file: Path) -> None:
    server.page_size_limit = 2
    for number in range(7):
        name = "readalike" if number % 2 == 0 else "other"
        server.recurring_runs[str(number)] = api.V2beta1RecurringRun(
            recurring_run_id=str(number), display_name=name, experiment_id="e" if number < 6 else "f"
        )
    client = KubeflowClient(Connection(host=server.address, token_file=token_file))
    assert [it.recurring_run_id for it in client.recurring_runs("readalike", "e")] == ["0", "2", "4"]
    assert len(server.asked("GET", f"{API}/recurringruns")) == 2
