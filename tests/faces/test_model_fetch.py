"""Fetching one file from servers that cut, lie, change their mind and die, and from one that does not."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import random
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hadir.core.errors import PackError, SetupError
from hadir.faces.model_fetch import FRUITLESS_TRIES, Fetched, fetch
from tests.faces.file_server import FileServer, Trick, serving

CONTENT = random.Random(7).randbytes(1_000_003)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
CHUNK = 65_536


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(CONTENT) as server:
        yield server


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is reached without a proxy, whatever the machine's others are."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "pack.zip"


def fetched(server: FileServer, target: Path, **changes: object) -> Fetched:
    """Without waiting between tries."""
    return fetch(server.url, target, pause=lambda _s: None, **changes)  # type: ignore[arg-type]  # keywords of fetch


def cut_after(count: int) -> Trick:
    """The whole length is promised, and the connection ends after `count` bytes of what was asked for."""

    def answer(server: FileServer, handler: BaseHTTPRequestHandler) -> None:
        start = int((handler.headers.get("Range") or "bytes=0-")[6:-1])
        body, status = server.content[start : start + count], 206 if start else 200
        headers = {"Content-Range": f"bytes {start}-{len(server.content) - 1}/{len(server.content)}"} if start else {}
        server.send(handler, status, body, headers, says_bytes=len(server.content) - start)

    return answer


def answers(status: int) -> Trick:
    return lambda server, handler: server.send(handler, status, b"", {})


def whole_again(server: FileServer, handler: BaseHTTPRequestHandler) -> None:
    """Ranges are ignored."""
    server.send(handler, 200, server.content, {})


def leftovers(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path != target)


def test_a_file_arrives_whole_with_its_digest(server: FileServer, target: Path) -> None:
    told: list[tuple[int, int | None]] = []
    got = fetched(server, target, sha256=DIGEST, size_bytes=len(CONTENT), progress=lambda *at: told.append(at))
    assert (got.sha256, got.bytes, target.read_bytes() == CONTENT) == (DIGEST, len(CONTENT), True)
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert leftovers(target) == []


def test_a_cut_connection_goes_on_where_it_stopped(server: FileServer, target: Path) -> None:
    server.tricks = [cut_after(4 * CHUNK), cut_after(4 * CHUNK)]
    fetched(server, target, sha256=DIGEST)
    assert target.read_bytes() == CONTENT
    assert server.asked == [(None, None), (f"bytes={4 * CHUNK}-", '"v1"'), (f"bytes={8 * CHUNK}-", '"v1"')]


@given(cuts=st.lists(st.integers(CHUNK, 700_000), max_size=5))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_wherever_connections_are_cut_the_file_is_the_same(cuts: list[int], tmp_path: Path) -> None:
    with serving(CONTENT) as server:
        server.tricks = [cut_after(count) for count in cuts]
        fetched(server, tmp_path / "pack.zip", sha256=DIGEST)
    assert (tmp_path / "pack.zip").read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_starts_the_file_anew(server: FileServer, target: Path) -> None:
    server.tricks = [cut_after(300_000), whole_again]
    fetched(server, target, sha256=DIGEST)
    assert target.read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_never_mixed_with_the_old_one(server: FileServer, target: Path) -> None:
    new = CONTENT[::-1]

    def change(server: FileServer, handler: BaseHTTPRequestHandler) -> None:
        server.content, server.tag = new, '"v2"'
        server.answer(handler)

    server.tricks = [cut_after(300_000), change]
    fetched(server, target)
    assert target.read_bytes() == new


def test_without_a_tag_a_part_is_not_continued(target: Path) -> None:
    with serving(CONTENT, tag=None) as server:
        server.tricks = [cut_after(300_000)]
        fetched(server, target, sha256=DIGEST)
        assert server.asked == [(None, None), (None, None)]
    assert target.read_bytes() == CONTENT


def test_a_weak_tag_is_no_tag(target: Path) -> None:
    with serving(CONTENT, tag='W/"v1"') as server:
        server.tricks = [cut_after(300_000)]
        fetched(server, target, sha256=DIGEST)
        assert server.asked[1] == (None, None)


def test_a_part_of_another_address_is_not_continued(server: FileServer, target: Path) -> None:
    server.tricks = [cut_after(300_000), *[answers(503)] * FRUITLESS_TRIES]
    with pytest.raises(SetupError):
        fetched(server, target)
    server.url = server.url.replace("pack.zip", "other.zip")
    fetched(server, target, sha256=DIGEST)
    assert server.asked[-1] == (None, None)


def test_a_length_that_is_too_long_is_found_out_and_not_tried_for_ever(server: FileServer, target: Path) -> None:
    def promise_more(server: FileServer, handler: BaseHTTPRequestHandler) -> None:
        start = int((handler.headers.get("Range") or "bytes=0-")[6:-1])
        headers = {"Content-Range": f"bytes {start}-{len(CONTENT) + 99}/{len(CONTENT) + 100}"} if start else {}
        says = len(CONTENT) + 100 - start
        server.send(handler, 206 if start else 200, server.content[start:], headers, says_bytes=says)

    server.tricks = [promise_more] * 10
    with pytest.raises(SetupError, match=r"\d{6} bytes are there"):
        fetched(server, target)
    assert len(server.asked) <= 2 + FRUITLESS_TRIES
    assert not target.exists()


def test_a_length_that_is_too_short_makes_a_wrong_digest(server: FileServer, target: Path) -> None:
    server.tricks = [lambda s, handler: s.send(handler, 200, s.content, {}, says_bytes=500_000)]
    with pytest.raises(PackError, match="expected"):
        fetched(server, target, sha256=DIGEST)
    assert leftovers(target) == []


def test_a_known_size_is_checked_where_the_server_tells_none(server: FileServer, target: Path) -> None:
    server.tricks = [lambda s, handler: s.send(handler, 200, s.content[:-1], {}, says_bytes=None)]
    with pytest.raises(PackError, match="gave 1000002 bytes, expected 1000003"):
        fetched(server, target, size_bytes=len(CONTENT))


def test_a_body_without_any_length_is_taken_to_its_end(server: FileServer, target: Path) -> None:
    server.tricks = [lambda s, handler: s.send(handler, 200, s.content, {}, says_bytes=None)]
    assert fetched(server, target).sha256 == DIGEST


def test_wrong_bytes_are_refused_by_both_digests_and_leave_nothing(server: FileServer, target: Path) -> None:
    server.content = CONTENT[:-1] + b"x"
    with pytest.raises(PackError) as refused:
        fetched(server, target, sha256=DIGEST)
    assert DIGEST in str(refused.value)
    assert hashlib.sha256(server.content).hexdigest() in str(refused.value)
    assert (target.exists(), leftovers(target)) == (False, [])


def test_a_part_that_was_altered_is_found_by_the_digest_and_the_next_fetch_is_clean(
    server: FileServer, target: Path
) -> None:
    server.tricks = [cut_after(300_000), *[answers(500)] * FRUITLESS_TRIES]
    with pytest.raises(SetupError):
        fetched(server, target, sha256=DIGEST)
    part = target.with_name("pack.zip.part")
    part.write_bytes(b"?" + part.read_bytes()[1:])
    with pytest.raises(PackError, match="it is not used"):
        fetched(server, target, sha256=DIGEST)
    assert fetched(server, target, sha256=DIGEST).bytes == len(CONTENT)


def test_a_file_that_says_it_is_too_large_is_not_begun(server: FileServer, target: Path) -> None:
    with pytest.raises(PackError, match="says it has 1000003 bytes, at most 1000 are taken"):
        fetched(server, target, most_bytes=1000)


def test_a_file_that_turns_out_too_large_is_dropped(server: FileServer, target: Path) -> None:
    server.tricks = [lambda s, handler: s.send(handler, 200, s.content, {}, says_bytes=None)]
    with pytest.raises(PackError, match="sends more than 300000 bytes"):
        fetched(server, target, most_bytes=300_000)
    assert leftovers(target) == []


def test_another_part_than_the_one_asked_for_is_refused(server: FileServer, target: Path) -> None:
    def from_the_start(server: FileServer, handler: BaseHTTPRequestHandler) -> None:
        span = f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"
        server.send(handler, 206, server.content, {"Content-Range": span})

    server.tricks = [cut_after(4 * CHUNK), from_the_start]
    with pytest.raises(SetupError, match=f"another part than the one from byte {4 * CHUNK}"):
        fetched(server, target)


def test_a_name_that_is_not_there_is_said_at_once(server: FileServer, target: Path) -> None:
    server.tricks = [answers(404)]
    with pytest.raises(SetupError, match="answers 404"):
        fetched(server, target)
    assert len(server.asked) == 1


def test_a_server_in_trouble_is_asked_again_after_growing_pauses(server: FileServer, target: Path) -> None:
    pauses: list[float] = []
    server.tricks = [answers(503), answers(429), answers(500)]
    fetch(server.url, target, sha256=DIGEST, pause=pauses.append)
    assert pauses == [1.0, 2.0, 4.0]


def test_nobody_there_is_a_sentence(tmp_path: Path) -> None:
    with serving(CONTENT) as gone:
        pass
    with pytest.raises(SetupError, match="cannot be fetched"):
        fetched(gone, tmp_path / "pack.zip")


def test_only_web_addresses_are_fetched(target: Path) -> None:
    with pytest.raises(PackError, match="expected http:// or https://"):
        fetch(f"file://{target}", target)


@pytest.fixture
def encryption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for loopback that requests trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hadir test")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(hours=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "both.pem").write_bytes(private + certificate)
    (tmp_path / "ca.pem").write_bytes(certificate)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    return context


def test_an_encrypted_address_that_leads_to_an_open_one_is_refused(
    server: FileServer, target: Path, encryption: ssl.SSLContext
) -> None:
    def lead_away(secure: FileServer, handler: BaseHTTPRequestHandler) -> None:
        secure.send(handler, 302, b"", {"Location": server.url})

    with serving(CONTENT, encryption=encryption) as secure:
        assert fetched(secure, target).sha256 == DIGEST
        target.unlink()
        secure.tricks = [lead_away]
        with pytest.raises(PackError, match="without encryption"):
            fetched(secure, target)
    assert not target.exists()


def test_a_part_that_is_whole_already_needs_no_more_bytes(server: FileServer, target: Path) -> None:
    server.tricks = [cut_after(300_000), *[answers(500)] * FRUITLESS_TRIES]
    with pytest.raises(SetupError):
        fetched(server, target)
    target.with_name("pack.zip.part").write_bytes(CONTENT)
    assert fetched(server, target, sha256=DIGEST).bytes == len(CONTENT)
    assert server.asked[-1][0] == f"bytes={len(CONTENT)}-"


def test_a_file_that_is_there_with_the_digest_is_not_fetched_again(server: FileServer, target: Path) -> None:
    target.write_bytes(CONTENT)
    assert fetched(server, target, sha256=DIGEST).bytes == len(CONTENT)
    assert server.asked == []


def test_two_processes_do_not_fetch_the_same_file_at_once(server: FileServer, target: Path) -> None:
    def meanwhile(server: FileServer, handler: BaseHTTPRequestHandler) -> None:
        with pytest.raises(PackError, match="another process is fetching"):
            fetched(server, target)
        server.answer(handler)

    server.tricks = [meanwhile]
    fetched(server, target, sha256=DIGEST)


def test_a_killed_fetch_is_continued_by_the_next(server: FileServer, target: Path) -> None:
    def stall(server: FileServer, handler: BaseHTTPRequestHandler) -> None:
        server.send(handler, 200, server.content[:600_000], {}, says_bytes=len(server.content))
        server.let_go.wait(60)

    server.tricks = [stall]
    script = (
        "import sys; from pathlib import Path; from hadir.faces.model_fetch import fetch; "
        "fetch(sys.argv[1], Path(sys.argv[2]), progress=lambda done, whole: print(done, flush=True))"
    )
    command = [sys.executable, "-c", script, server.url, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        arrived = [int(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGKILL)
    server.let_go.set()
    assert not target.exists()
    fetched(server, target, sha256=DIGEST)
    resumed = int((server.asked[-1][0] or "bytes=0-")[6:-1])
    assert resumed >= arrived[-1] > 0
    assert target.read_bytes() == CONTENT
