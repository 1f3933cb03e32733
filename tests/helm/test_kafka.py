"""Topics and users for Strimzi: as Hadir's own code and its permission tests have them."""

from __future__ import annotations

from typing import Any

from hadir.pipeline.topics import ALL_TOPICS, DEAD_LETTERS
from tests.helm.rendering import render, rendered
from tests.pipeline.test_kafka_secured import RECONCILE, RUN, SEND, Permission

STRIMZI = {"strimzi": {"enabled": True}}


def _permissions(user: dict[str, Any]) -> set[Permission]:
    return {
        (acl["resource"]["type"], acl["resource"].get("name", "*"), _snake(operation))
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }


def _snake(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).strip("_")


def _user(name: str) -> dict[str, Any]:
    return next(one for one in rendered(STRIMZI) if (one["kind"], one["metadata"]["name"]) == ("KafkaUser", name))


def test_topics_are_what_hadir_would_make() -> None:
    made = {one["metadata"]["name"]: one["spec"] for one in rendered(STRIMZI) if one["kind"] == "KafkaTopic"}
    assert made.keys() == {spec.name for spec in ALL_TOPICS}
    for spec in ALL_TOPICS:
        config = {key: str(value) for key, value in made[spec.name]["config"].items()}
        assert config.pop("min.insync.replicas") == "2"
        assert config == dict(spec.settings), spec.name
        assert (made[spec.name]["partitions"], made[spec.name]["replicas"]) == (spec.partitions, 3)


def test_members_may_do_what_the_tests_on_a_real_broker_prove_enough() -> None:
    # READ on a group brings DESCRIBE along; Kafka's clock is asked of the cluster.
    wanted = {*RUN, *RECONCILE, ("cluster", "*", "describe")} - {("group", "hadir", "describe")}
    assert _permissions(_user("hadir")) == wanted


def test_a_sender_may_send_and_hear_its_verdict_and_nothing_else() -> None:
    assert _permissions(_user("hadir-sender")) == {*SEND, ("topic", DEAD_LETTERS, "read")}


def test_uninstalling_deletes_no_check_ins() -> None:
    for topic in (one for one in rendered(STRIMZI) if one["kind"] == "KafkaTopic"):
        assert topic["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_a_test_check_in_is_sent_as_the_sender() -> None:
    [pod] = [one for one in render("cpu") if one["kind"] == "Pod"]
    environment = {one["name"]: one for one in pod["spec"]["containers"][0]["env"]}
    assert environment["HADIR_KAFKA__SECURITY__SASL_PLAIN_USERNAME"]["value"] == "hadir-sender"
    password = environment["HADIR_KAFKA__SECURITY__SASL_PLAIN_PASSWORD"]["valueFrom"]["secretKeyRef"]
    assert password == {"name": "hadir-sender", "key": "password"}
    assert "PGPASSWORD" not in environment
