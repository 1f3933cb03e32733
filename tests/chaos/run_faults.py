"""What goes wrong in a run, when and for how long: drawn from a seed, on two lanes, so that two faults may meet."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import psutil

from tests.chaos.run_history import History
from tests.chaos.run_members import Members, family
from tests.chaos.run_parts import Brokers, Database, frozen

__all__ = ["Faults"]

Fault = Callable[[random.Random], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds from the end of one fault of a lane to the next one's beginning."""

    least_s: float = 1.0
    most_s: float = 6.0


class Faults:
    """One lane strikes the members and what works for them, the other the servers. The same seed draws the same faults;
    what they meet is the machine's affair."""

    def __init__(self, members: Members, brokers: Brokers, database: Database, history: History, seed: int) -> None:
        self._members, self._brokers, self._database = members, brokers, database
        self._history, self._seed = history, seed
        self._broken: list[BaseException] = []

    def rage(self, seconds: float, turn: int, *, kills_only: bool = False, pace: Pace | None = None) -> None:
        """Strike for so long, and mend what was struck before this returns. `turn` tells one call from the next;
        with `kills_only` members are killed, and nothing else happens.

        Raises:
            Exception: a server could not be started again: the run proves nothing.
        """
        until_s, pace = time.monotonic() + seconds, pace or Pace()
        lanes = [self._to_members(), self._to_servers()] if not kills_only else [{"member_killed": self._kill_member}]
        threads = [
            threading.Thread(target=self._lane, args=(number, turn, faults, until_s, pace), name=f"faults-{number}")
            for number, faults in enumerate(lanes)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._broken:
            raise self._broken[0]

    def kill_everything(self) -> None:
        """Members, their Ray, brokers and database, at once and without a word; then start the servers again. Members
        come by themselves."""
        members = self._members.members
        struck = [process for member in members for process in member.ray()]
        struck += [one for member in members for one in family(member.process.pid if member.process else 0)]
        struck += [process for node in self._brokers.nodes.values() if (process := node.process()) is not None]
        for process in struck:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._database.kill()
        self._history.note("everything_killed", processes=len(struck), database=self._database.kind)
        self._database.start_again()
        # All at once: one of three waits for another before it is ready.
        with ThreadPoolExecutor() as together:
            list(together.map(self._brokers.start_again, list(self._brokers.nodes)))
        self._history.note("servers_are_back")

    def _lane(self, number: int, turn: int, faults: Mapping[str, Fault], until_s: float, pace: Pace) -> None:
        rng = random.Random(f"{self._seed}/{turn}/{number}")
        names = sorted(faults)
        try:
            while (left_s := until_s - time.monotonic()) > 0:
                time.sleep(min(left_s, rng.uniform(pace.least_s, pace.most_s)))
                if time.monotonic() < until_s:
                    name = rng.choice(names)
                    self._history.note(name)
                    faults[name](rng)
                    self._history.note("mended", fault=name)
        except Exception as err:  # noqa: BLE001 - raised again by `rage`, in the run's own thread
            self._broken.append(err)

    def _to_members(self) -> dict[str, Fault]:
        faults: dict[str, Fault] = {"member_killed": self._kill_member, "member_frozen": self._freeze_member}
        if any(member.ray() for member in self._members.members):
            faults |= {
                "actor_killed": self._kill_of_ray("ray::FaceActor"),
                "raylet_killed": self._kill_of_ray("raylet"),
            }
        return faults

    def _to_servers(self) -> dict[str, Fault]:
        return {
            "broker_killed": self._kill_broker,
            "broker_frozen": self._freeze_broker,
            "database_away": lambda rng: self._database.away(rng.uniform(1, 10)),
        }

    def _kill_member(self, rng: random.Random) -> None:
        if (process := self._process(rng)) is not None:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _freeze_member(self, rng: random.Random) -> None:
        # The group's session lasts 15 s: some come back as members, some are fenced.
        with frozen(self._process(rng)):
            time.sleep(rng.choice((rng.uniform(1, 8), rng.uniform(16, 22))))

    def _process(self, rng: random.Random) -> psutil.Process | None:
        member = rng.choice(self._members.members)
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(member.process.pid) if member.process is not None else None
        return None

    def _kill_of_ray(self, name: str) -> Fault:
        def kill(rng: random.Random) -> None:
            processes = rng.choice(self._members.members).ray()
            if victims := _named(processes, name):
                with suppress(psutil.NoSuchProcess):
                    rng.choice(victims).kill()

        return kill

    def _kill_broker(self, rng: random.Random) -> None:
        broker = rng.choice(sorted(self._brokers.nodes))
        self._brokers.kill(broker)
        time.sleep(rng.uniform(0.5, 12))
        self._brokers.start_again(broker)

    def _freeze_broker(self, rng: random.Random) -> None:
        with frozen(self._brokers.nodes[rng.choice(sorted(self._brokers.nodes))].process()):
            time.sleep(rng.uniform(1, 12))


def _named(processes: Sequence[psutil.Process], name: str) -> list[psutil.Process]:
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            found += [one for one in [process, *process.children()] if one.name().startswith(name[:15])]
    return sorted(set(found), key=lambda one: one.pid)
