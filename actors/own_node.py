"""A node without cores that this process brings along to a cluster: a driver needs a raylet on its own machine.

Ray Client would spare it, at the price of a proxy on the head through which every photo goes; it starts in the process
what `ray start --address` would start in another one.
"""

from __future__ import annotations

import importlib
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import structlog

from hadir.actors.death_watch import DeathWatch
from hadir.actors.leftovers import end_leftovers, write_notes
from hadir.actors.ray_head import RayHead
from hadir.actors.ray_ports import RayPorts
from hadir.actors.ray_processes import RayProcesses, end_processes, private_folder
from hadir.actors.ray_session import enter, join_failure, leave, prepare, refuse_second
from hadir.core.errors import SetupError

__all__ = ["HEAD_WITHIN_S", "OwnNode"]

_log = structlog.get_logger(__name__)

HEAD_WITHIN_S = 120.0
"""A head that Kubernetes replaces is back after a minute; ending at once would only have the pauses between restarts
grow."""

_HEAD_GONE = "RAY_gcs_rpc_server_reconnect_timeout_s"
"""How long a process of Ray works on without a head before it ends itself; 60 by default."""
_NODE_PATIENCE_S, _DRIVER_MARGIN_S = 60, 30
"""The node ends first, so that this process hears of it, instead of being ended by Ray in the middle of a line."""


class OwnNode:
    """Implements `hadir.actors.cluster.Cluster`."""

    def __init__(self, node: Any, processes: RayProcesses, watch: DeathWatch) -> None:
        self._node, self._processes, self._watch = node, processes, watch
        self._open = True

    @classmethod
    def start(
        cls,
        run_folder: Path,
        head: RayHead,
        ports: RayPorts | None,
        object_store_bytes: int,
        *,
        head_within_s: float = HEAD_WITHIN_S,
    ) -> OwnNode:
        """Start the node and join with it, as soon as the head answers.

        First ends what an earlier run with this run folder has left. From the main thread only: the kernel ends the
        node with the thread that started it. Blocks for about three seconds, and while the head is awaited.

        Args:
            ports: None for any that are free.
            head_within_s: seconds that a head may take to answer.

        Raises:
            SetupError: no head answers, it refuses us, its versions are others, no short private folder, the run
                folder is in use, or the node does not start.
        """
        if threading.current_thread() is not threading.main_thread():
            raise SetupError("a node can be started from the main thread only, since it ends with the thread that did")
        refuse_second()
        if ended := end_leftovers(run_folder):
            _log.warning("ray_leftovers_ended", processes=ended)
        loopback = head.reach(head_within_s)
        temp_folder = private_folder()
        processes = RayProcesses(run_folder, temp_folder)
        try:
            write_notes(run_folder, temp_folder, [])
            return cls._start(processes, head, loopback, ports, object_store_bytes)
        except BaseException:
            leave()
            end_processes(processes.running())
            processes.forget()
            raise

    @classmethod
    def _start(
        cls, processes: RayProcesses, head: RayHead, loopback: bool, ports: RayPorts | None, object_store_bytes: int
    ) -> OwnNode:
        patience_s = int(os.environ.get(_HEAD_GONE, _NODE_PATIENCE_S))
        os.environ[_HEAD_GONE] = str(patience_s + _DRIVER_MARGIN_S)
        try:
            prepare(head.token_file, loopback=loopback, joining=True)
            node = _node(processes, head, ports, object_store_bytes, {_HEAD_GONE: str(patience_s)})
            enter(
                head.token_file,
                loopback=loopback,
                address=head.address,
                _node_ip_address=node.node_ip_address,
                _temp_dir=str(processes.ray_folder),
            )
        finally:
            os.environ[_HEAD_GONE] = str(patience_s)
        processes.note()
        _log.info("ray_node_joined", address=head.address, node_address=node.node_ip_address)
        return cls(node, processes, processes.watch({"raylet": "own node (has its head gone?)"}))

    def lost(self) -> str | None:
        return self._watch.ended()

    def on_lost(self, wake: Callable[[], None]) -> None:
        self._watch.notify(wake)

    def processes(self) -> list[psutil.Process]:
        """Everything that the node has running now."""
        return self._processes.running()

    def note_processes(self) -> None:
        """Workers are started on other nodes: nothing is new here."""

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._watch.close()
        running = self._processes.running()
        leave()
        # With a SIGTERM first: the node takes its leave of the head, which would look for it for ten seconds otherwise.
        self._node.kill_all_processes(check_alive=False, allow_graceful=True)
        end_processes(running)
        self._processes.forget()


def _node(
    processes: RayProcesses,
    head: RayHead,
    ports: RayPorts | None,
    object_store_bytes: int,
    raylet_environment: dict[str, str],
) -> Any:
    """As `ray start --address` does it in Ray 2.60, to which this is pinned: its own function prints and detaches."""
    # What fails is told in one line, not by Ray's own logger with a stack trace.
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    services = importlib.import_module("ray._private.services")
    try:
        address = services.canonicalize_bootstrap_address(head.address)
        parameters = importlib.import_module("ray._private.parameter").RayParams(
            gcs_address=address,
            node_ip_address=services.get_node_ip_address(address),
            num_cpus=0,
            num_gpus=0,
            memory=0,
            object_store_memory=object_store_bytes,
            temp_dir=str(processes.ray_folder),
            include_log_monitor=False,
            env_vars=raylet_environment,
            **(ports.parameters() if ports else {"dashboard_agent_listen_port": 0}),
        )
        return importlib.import_module("ray._private.node").Node(
            parameters, head=False, shutdown_at_exit=False, spawn_reaper=True
        )
    except Exception as err:
        raise join_failure(err) from err
