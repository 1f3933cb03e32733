"""A real one-node Apache Kafka on loopback that asks for TLS, a password (SCRAM) and permissions (ACL): for tests.

Everything is made for the test: a certificate authority, the broker's certificate, random passwords. The one super user
is `admin`; `user` makes others, `grant` gives them operations.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka.admin import ACL, ACLOperation, ACLPermissionType, KafkaAdminClient, ResourcePattern, ResourceType
from kafka.admin._users import ScramMechanism, UserScramCredentialUpsertion

from dev.kafka.node import Node, free_port, launch, missing_part, stop, wait_until_ready
from hadir.core.errors import SetupError
from hadir.pipeline.kafka_admin import KafkaCluster

__all__ = ["SecuredNode", "missing_secured_part", "secured_node"]

_MECHANISM = "SCRAM-SHA-256"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True, slots=True)
class SecuredNode:
    """A broker that lets nobody in without a password, and nobody do what was not granted."""

    node: Node
    authority: Path
    admin_password: str

    def cluster(self, user: str, password: str) -> KafkaCluster:
        """The cluster as this user reaches it; `security` is what stands in a settings file under [kafka]."""
        return KafkaCluster(f"127.0.0.1:{self.node.port}", self.security(user, password))

    def security(self, user: str, password: str) -> Mapping[str, str]:
        """The `[kafka] security` table of this user."""
        return {
            "security_protocol": "SASL_SSL",
            "ssl_cafile": str(self.authority),
            "sasl_mechanism": _MECHANISM,
            "sasl_plain_username": user,
            "sasl_plain_password": password,
        }

    @property
    def admin(self) -> KafkaCluster:
        """As the super user."""
        return self.cluster("admin", self.admin_password)

    def user(self, name: str) -> str:
        """Make a user who may do nothing; returns the password."""
        password = secrets.token_urlsafe(18)
        wanted = UserScramCredentialUpsertion(name, ScramMechanism.SCRAM_SHA_256, password)
        with closing(KafkaAdminClient(**self.admin.options())) as admin:
            admin.alter_user_scram_credentials([wanted])
        return password

    def grant(self, user: str, *operations: tuple[str, str, str]) -> None:
        """Allow (resource, name, operation), for instance ("topic", "t", "read"). A permission is never taken back."""
        wanted = [
            ACL(
                f"User:{user}",
                "*",
                ACLOperation[operation.upper()],
                ACLPermissionType.ALLOW,
                ResourcePattern(ResourceType[resource.upper()], name),
            )
            for resource, name, operation in operations
        ]
        with closing(KafkaAdminClient(**self.admin.options())) as admin:
            done = admin.create_acls(wanted)
        if done.get("failed"):
            raise SetupError(f"permissions were not granted: {done['failed']}")


def missing_secured_part() -> str | None:
    """What is missing for such a broker, in one sentence; None: nothing."""
    if (missing := missing_part()) is not None:
        return missing
    return None if shutil.which("openssl") else "no openssl program found: apt-get install openssl"


@contextmanager
def secured_node(folder: Path) -> Iterator[SecuredNode]:
    """Run one with everything under `folder`; ends exactly that broker.

    Raises:
        SetupError: a part is missing, or the broker does not come up.
    """
    if (missing := missing_secured_part()) is not None:
        raise SetupError(missing)
    folder.mkdir(parents=True, exist_ok=True)
    authority, keys = _certificates(folder)
    password, port = secrets.token_urlsafe(18), free_port()
    node = launch(
        folder,
        port,
        settings=_listeners(port, free_port()) | _settings(authority, keys, password),
        format_with=("--add-scram", f"{_MECHANISM}=[name=admin,password={password}]"),
    )
    secured = SecuredNode(node, authority, password)
    try:
        wait_until_ready(node, secured.admin)
        yield secured
    finally:
        stop(node)


def _certificates(folder: Path) -> tuple[Path, Path]:
    """An authority, and the broker's key with certificate in one PEM file."""
    authority, key = folder / "ca.pem", folder / "ca.key"
    _openssl("req", "-x509", *_KEY, "-days", "2", "-subj", "/CN=hadir-test-ca", "-keyout", key, "-out", authority)
    names = folder / "names"
    names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
    own, asked, signed, pkcs8 = (folder / f"broker.{end}" for end in ("key", "csr", "crt", "p8"))
    _openssl("req", *_KEY, "-subj", "/CN=broker", "-keyout", own, "-out", asked)
    signing = ("-req", "-in", asked, "-CA", authority, "-CAkey", key, "-CAcreateserial", "-days", "2")
    _openssl("x509", *signing, "-out", signed, "-extfile", names)
    _openssl("pkcs8", "-topk8", "-nocrypt", "-in", own, "-out", pkcs8)
    together = folder / "broker.pem"
    together.write_bytes(pkcs8.read_bytes() + signed.read_bytes() + authority.read_bytes())
    return authority, together


def _openssl(*arguments: object) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"openssl {arguments[0]} failed: {done.stderr.strip()[-200:]}")


def _listeners(port: int, controller: int) -> dict[str, object]:
    return {
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"SASL_SSL://127.0.0.1:{port}",
        "inter.broker.listener.name": "SASL_SSL",
        "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:SSL",
    }


def _settings(authority: Path, keys: Path, password: str) -> dict[str, object]:
    login = "org.apache.kafka.common.security.scram.ScramLoginModule"
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": keys,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": authority,
        "listener.name.controller.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": _MECHANISM,
        "sasl.mechanism.inter.broker.protocol": _MECHANISM,
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": (
            f'{login} required username="admin" password="{password}";'
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:admin;User:CN=broker",
        "allow.everyone.if.no.acl.found": "false",
    }
