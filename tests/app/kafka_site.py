"""A site on the session's real Kafka, and honest check-ins for it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dev.kafka.node import Node
from hadir.app.demo_people import RealPerson
from hadir.app.scenarios import SITE
from hadir.app.variation import vary
from hadir.core.check_in import Channel, CheckIn, Direction, Fix
from hadir.core.message import Message
from hadir.pipeline.codec import encode_check_in
from hadir.pipeline.kafka_admin import create_topics
from hadir.pipeline.kafka_offsets import skip_to_end
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.topics import CHECK_INS, with_partitions
from tests.app.site import Site, make_site

__all__ = ["check_ins", "kafka_site", "send"]

ENROLLED = ("P00001", "P00003", "P00004", "P00006")
PARTITIONS = 4


def kafka_site(folder: Path, people: list[RealPerson], node: Node, settings: str) -> Site:
    """A served site whose group begins where the session's shared topic ends now."""
    create_topics(node.cluster, with_partitions(PARTITIONS))
    group = f"test-{uuid.uuid4().hex[:8]}"
    skip_to_end(node.cluster, CHECK_INS, group)
    kafka = f'[kafka]\nbootstrap = "{node.cluster.bootstrap}"\ngroup = "{group}"\npartitions = {PARTITIONS}\n'
    site = make_site(folder, people, round(time.time() * 1000), kafka + settings)
    site.serve()
    return site


def check_ins(people: list[RealPerson], faces: int, fingerprints: int) -> Iterator[CheckIn]:
    """Honest ones of the enrolled, coming and going, two photos each; fingerprints between them."""
    rng = np.random.default_rng(7)
    by_id = {person.person: person for person in people}
    selfies = {person: [vary(by_id[person].photos[0], rng) for _ in range(4)] for person in ENROLLED}
    fix, now_ms = Fix(*SITE, accuracy_m=8.0, mock=False), round(time.time() * 1000)
    kinds = rng.permutation([Channel.FACE] * faces + [Channel.FINGERPRINT] * fingerprints)
    for number, kind in enumerate(kinds):
        person = ENROLLED[number % len(ENROLLED)]
        direction = (Direction.IN, Direction.OUT)[number // len(ENROLLED) % 2]
        photos = tuple(selfies[person][:2]) if kind == Channel.FACE else ()
        yield CheckIn(str(uuid.uuid4()), person, direction, Channel(kind), now_ms, fix if photos else None, photos)


def send(node: Node, made: list[CheckIn]) -> set[str]:
    """Put them into the log; returns their ids."""
    sink = KafkaSink(node.cluster)
    sink.send([Message(CHECK_INS, one.person.encode(), encode_check_in(one)) for one in made])
    sink.close()
    return {one.id for one in made}
