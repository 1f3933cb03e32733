"""How the surge's script speaks to the API server: as its account, to nobody else, in the patch's own content type."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import json
import ssl
import threading
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.helm.test_surge import load_script


class ApiServer(http.server.BaseHTTPRequestHandler):
    """Answers whatever is asked, and keeps it."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def do_PATCH(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append(
            {
                "method": self.command,
                "path": self.path,
                "body": json.loads(body) if body else None,
                "kind": self.headers.get("Content-Type"),
                "as": self.headers.get("Authorization"),
            }
        )
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": {"replicas": 3}}')

    def do_GET(self) -> None:
        self.do_PATCH()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Nothing: a test's output is its own."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[int]:
    certificate = _certificate(tmp_path / "server.pem", tmp_path / "account" / "ca.crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    ApiServer.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), ApiServer) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield listening.server_port
        finally:
            listening.shutdown()
            thread.join()


@pytest.fixture
def script(server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load_script()
    (tmp_path / "account" / "token").write_text("a-token", "utf-8")
    monkeypatch.setattr(module, "ACCOUNT", tmp_path / "account")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server))
    return module


def test_a_question_is_asked_as_the_account(script: ModuleType) -> None:
    assert script.ask_server("GET", "/apis/x") == {"status": {"replicas": 3}}
    assert ApiServer.asked == [{"method": "GET", "path": "/apis/x", "body": None, "kind": None, "as": "Bearer a-token"}]


@pytest.mark.parametrize("kind", ["merge-patch", "json-patch"])
def test_a_patch_says_which_kind_it_is(script: ModuleType, kind: str) -> None:
    script.ask_server("PATCH", "/apis/x", {"spec": {"replicas": 3}}, kind)
    [asked] = ApiServer.asked
    assert (asked["kind"], asked["body"]) == (f"application/{kind}+json", {"spec": {"replicas": 3}})


def test_a_server_of_another_authority_gets_no_token(script: ModuleType, tmp_path: Path) -> None:
    _certificate(tmp_path / "other.pem", tmp_path / "account" / "ca.crt")
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        script.ask_server("GET", "/apis/x")
    assert ApiServer.asked == []


def _certificate(both: Path, authority: Path) -> Path:
    """A key with its certificate for 127.0.0.1, and that certificate as the authority's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "api-server")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    authority.parent.mkdir(exist_ok=True)
    authority.write_bytes(pem)
    plain = serialization.NoEncryption()
    both.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain) + pem)
    return both
