"""A real Kubernetes API server with its store on loopback, throw-away: started for a test, ended by its own pids.

There are no controllers, no scheduler and no kubelet: what is accepted is kept, validated and admitted as a cluster
would, and nothing runs. Custom resource definitions are those of `dev/kube/schemas/crds`. No operator's webhook either.
"""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dev.kube.parts import missing_part, program
from dev.kube.validation import CUSTOM
from hadir.core.errors import SetupError

__all__ = ["PROGRAMS", "Answer", "ApiServer", "missing_server", "running_api_server"]

PROGRAMS = ("etcd", "kube-apiserver", "kubectl")
START_TRIES = 600
TRY_S = 0.1
STOP_S = 20
DEFINITIONS_S = 60
DEFINITION_TRIES = 20


class Answer:
    """What a command said: `ok`, its output `out`, its errors `err`."""

    __slots__ = ("err", "ok", "out")

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.ok, self.out, self.err = done.returncode == 0, done.stdout, done.stderr

    @property
    def text(self) -> str:
        """Both, for a message."""
        return (self.out + self.err).strip()


def missing_server() -> str | None:
    """What is missing for a real API server, in one sentence; None: nothing."""
    return missing_part(*PROGRAMS)


class ApiServer:
    """A server whose keys, store and logs lie in `folder`, which nobody else may read."""

    def __init__(self, folder: Path) -> None:
        """Raises SetupError where a program is missing."""
        self._kubectl = program("kubectl")
        self._etcd, self._server = program("etcd"), program("kube-apiserver")
        self._folder = folder
        self._store_port, self._peer_port, self._port = _free_ports(3)
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def pids(self) -> list[int]:
        """Of the processes that run; empty where it is stopped."""
        return [process.pid for process in self._processes]

    @property
    def kubeconfig(self) -> Path:
        """For kubectl and helm: an administrator's, with the server's own authority."""
        return self._folder / "kubeconfig.json"

    def start(self) -> None:
        """Start both, wait until it answers, and make the custom kinds known.

        Raises:
            SetupError: one of them does not come up; the message holds the end of its log.
        """
        self._folder.chmod(0o700)
        token = secrets.token_urlsafe(32)
        (self._folder / "tokens.csv").write_text(f'{token},admin,1,"system:masters"\n', encoding="utf-8")
        (self._folder / "service-accounts.key").write_bytes(_fresh_key())
        self.kubeconfig.write_text(json.dumps(self._kubeconfig(token)), encoding="utf-8")
        try:
            self._launch([str(self._etcd), *self._etcd_options()], "etcd")
            self._launch([str(self._server), *self._server_options()], "kube-apiserver")
            self._wait_until_ready()
            self._define_custom_kinds()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End exactly these processes, the store last. Idempotent.

        With SIGKILL: there is nothing worth keeping, and the server would take twelve seconds to say goodbye.
        """
        while self._processes:
            process = self._processes.pop()
            process.kill()
            process.wait(timeout=STOP_S)

    def kubectl(self, *arguments: str, documents: Sequence[Mapping[str, Any]] = ()) -> Answer:
        """Run kubectl as the administrator; `documents` are its standard input (give `-f -`)."""
        # Not as one List: kubectl then validates by itself instead of asking the server to be strict.
        given = "\n---\n".join(json.dumps(document) for document in documents) if documents else None
        command = [str(self._kubectl), "--kubeconfig", str(self.kubeconfig), *arguments]
        # Without a home of its own kubectl would fill ~/.kube with what it discovers.
        environment = {"HOME": str(self._folder), "PATH": "/usr/bin:/bin"}
        return Answer(
            subprocess.run(command, input=given, capture_output=True, text=True, check=False, env=environment)
        )

    def _launch(self, command: list[str], name: str) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes.append(
                # A session of its own: Ctrl-C reaches the test alone, which then ends these.
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            )

    def _wait_until_ready(self) -> None:
        for _ in range(START_TRIES):
            if self.kubectl("get", "--raw", "/readyz").ok:
                return
            try:
                # It ends by itself where it cannot have its store, its port or its keys.
                self._processes[-1].wait(timeout=TRY_S)
            except subprocess.TimeoutExpired:
                continue
            break
        logs = [path.read_text(errors="replace")[-600:].strip() for path in sorted(self._folder.glob("*.log"))]
        raise SetupError(f"the API server did not come up: {' | '.join(logs)}")

    def _define_custom_kinds(self) -> None:
        answer = self.kubectl("apply", "--server-side", "-f", str(CUSTOM))
        wait = ("wait", "--for=condition=Established", "crd", "--all", f"--timeout={DEFINITIONS_S}s")
        # A definition of which the server has said nothing yet is an error for kubectl wait, and no reason to wait.
        for _ in range(DEFINITION_TRIES if answer.ok else 0):
            answer = self.kubectl(*wait)
            if answer.ok:
                return
        raise SetupError(f"the API server refuses the custom kinds: {' '.join(answer.text.split())[-600:]}")

    def _kubeconfig(self, token: str) -> dict[str, Any]:
        authority = str(self._folder / "certificates" / "apiserver.crt")
        cluster = {"server": f"https://127.0.0.1:{self._port}", "certificate-authority": authority}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "current-context": "test",
        }

    def _etcd_options(self) -> list[str]:
        client, peer = f"http://127.0.0.1:{self._store_port}", f"http://127.0.0.1:{self._peer_port}"
        settings = {
            "data-dir": str(self._folder / "store"),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
            "log-level": "warn",
        }
        return [*_options(settings), "--unsafe-no-fsync"]

    def _server_options(self) -> list[str]:
        key = str(self._folder / "service-accounts.key")
        return _options(
            {
                "etcd-servers": f"http://127.0.0.1:{self._store_port}",
                "bind-address": "127.0.0.1",
                "advertise-address": "127.0.0.1",
                "secure-port": str(self._port),
                "cert-dir": str(self._folder / "certificates"),
                "token-auth-file": str(self._folder / "tokens.csv"),
                "authorization-mode": "RBAC",
                "service-account-issuer": "https://kubernetes.default.svc",
                "service-account-key-file": key,
                "service-account-signing-key-file": key,
                "service-cluster-ip-range": "10.0.0.0/24",
                # It waits for a controller that makes the accounts' tokens; there is none here.
                "disable-admission-plugins": "ServiceAccount",
                "enable-priority-and-fairness": "false",
                # As clusters have it: whether a pod may is then the Pod Security admission's business.
                "allow-privileged": "true",
                "v": "0",
            }
        )


@contextmanager
def running_api_server(folder: Path) -> Iterator[ApiServer]:
    """Run a server as `ApiServer` has it; ends exactly that server. Raises SetupError as `ApiServer` does."""
    server = ApiServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _fresh_key() -> bytes:
    """A private key in PEM: the server signs tokens of service accounts with it, which nobody asks for here."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _options(settings: Mapping[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in settings.items()]


def _free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody has now, all different: they are held together while they are looked for."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
