"""Commands on a Kafka with passwords and permissions: by settings alone, and one sentence where they are wrong."""

from __future__ import annotations

import gc
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.kafka.secured import SecuredNode
from hadir.attendance.ledger import Ledger
from hadir.pipeline.kafka_admin import create_topics
from hadir.pipeline.topics import CHECK_INS, with_partitions
from tests.app.command_line import Said, hadir
from tests.pipeline.test_kafka_secured import RECONCILE

pytestmark = [
    pytest.mark.kafka,
    # kafka-python 3.0.12 leaves sockets of refused handshakes to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


def reconcile_as(secured: SecuredNode, folder: Path, user: str) -> Said:
    """`hadir reconcile` by a settings file without the password."""
    security = {k: v for k, v in secured.security(user, "").items() if k != "sasl_plain_password"}
    table = ", ".join(f'{name} = "{value}"' for name, value in security.items())
    (folder / "hadir.toml").write_text(
        f'[kafka]\nbootstrap = "{secured.admin.bootstrap}"\nsecurity = {{ {table} }}\n'
        f'[ledger]\nurl = "sqlite:///{folder}/ledger.db"\n'
    )
    Ledger.open(f"sqlite:///{folder}/ledger.db").close()
    return hadir("reconcile", "--hours", 1, "--config", folder / "hadir.toml")


def test_with_the_password_in_the_environment_and_the_least_permissions_it_works(
    secured_kafka: SecuredNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_topics(secured_kafka.admin, with_partitions(2))
    user = f"u-{uuid.uuid4().hex[:8]}"
    password = secured_kafka.user(user)
    secured_kafka.grant(user, *RECONCILE)
    monkeypatch.setenv("HADIR_KAFKA__SECURITY__SASL_PLAIN_PASSWORD", password)
    said = reconcile_as(secured_kafka, tmp_path, user)
    assert said.code in {0, 3}
    assert said.out.splitlines()[-1].startswith("received ")


def test_without_permissions_the_topic_is_named(
    secured_kafka: SecuredNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_topics(secured_kafka.admin, with_partitions(2))
    user = f"u-{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("HADIR_KAFKA__SECURITY__SASL_PLAIN_PASSWORD", secured_kafka.user(user))
    said = reconcile_as(secured_kafka, tmp_path, user)
    assert said.code == 1
    assert f"topic {CHECK_INS} does not exist" in said.problem()
    assert "may not DESCRIBE it" in said.problem()


def test_a_wrong_password_is_one_sentence_and_never_shown(
    secured_kafka: SecuredNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HADIR_KAFKA__SECURITY__SASL_PLAIN_PASSWORD", "wrong-password")
    said = reconcile_as(secured_kafka, tmp_path, "nobody")
    assert said.code == 1
    assert "does not let user 'nobody' in: wrong password" in said.problem()
    assert "wrong-password" not in said.err + said.out
