"""What this hour wants: as many worker pods and members as the surge's windows say. Run every few minutes.

It sets what should be now, so that a look that was missed, or an upgrade that reset the numbers, heals with the next.
On the way up worker pods come first and members when they are there, since a member's workers stay where they were put;
on the way down members go first. Standard library only; talks to the API server as its service account.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
WAIT_S, LOOK_S = 1200, 5

Ask = Callable[..., Any]


def in_window(plan: Mapping[str, Any], now: datetime) -> bool:
    """Whether `now`, on the site's clock, lies in a window. Days as cron writes them: 0 and 7 are Sunday."""
    clock = now.strftime("%H:%M")
    return any(
        now.isoweekday() in days_of(window["days"]) and window["from"] <= clock < window["until"]
        for window in plan["windows"]
    )


def days_of(text: str) -> set[int]:
    """`1-5`, `1,3`, `0-6` or `*` as ISO days, 1 Monday to 7 Sunday."""
    days: set[int] = set()
    for part in ("0-6" if text == "*" else text).split(","):
        first, _, last = part.partition("-")
        days.update(day or 7 for day in range(int(first), int(last or first) + 1))
    return days


def scale(plan: Mapping[str, Any], surge: bool, ask: Ask, sleep: Callable[[float], None] = time.sleep) -> None:
    """Bring worker pods and members to what is wanted, in the order that the way up or down asks for."""
    namespace = plan["namespace"]
    members = f"/apis/apps/v1/namespaces/{namespace}/deployments/{plan['deployment']}/scale"
    cluster = f"/apis/ray.io/v1/namespaces/{namespace}/rayclusters/{plan['cluster']}" if plan["cluster"] else None
    wanted = plan["members"][surge]

    def set_members() -> None:
        ask("PATCH", members, {"spec": {"replicas": wanted}}, "merge-patch")

    if surge:
        if cluster and set_workers(plan, surge, cluster, ask):
            pods = sum(counts[surge] for counts in plan["groups"].values())
            until(lambda: ask("GET", cluster)["status"].get("readyWorkerReplicas", 0) >= pods, "worker pods", sleep)
        set_members()
        return
    set_members()
    if cluster:
        until(lambda: ask("GET", members)["status"].get("replicas", 0) <= wanted, "members", sleep)
        set_workers(plan, surge, cluster, ask)


def set_workers(plan: Mapping[str, Any], surge: bool, cluster: str, ask: Ask) -> bool:
    """Whether anything had to be changed. A group is found by its place, and the patch tests its name."""
    changes = []
    for place, group in enumerate(ask("GET", cluster)["spec"]["workerGroupSpecs"]):
        wanted = plan["groups"].get(group["groupName"], [group["replicas"]] * 2)[surge]
        if group["replicas"] != wanted:
            at = f"/spec/workerGroupSpecs/{place}"
            changes.append({"op": "test", "path": f"{at}/groupName", "value": group["groupName"]})
            changes.append({"op": "replace", "path": f"{at}/replicas", "value": wanted})
    if changes:
        ask("PATCH", cluster, changes, "json-patch")
    return bool(changes)


def until(there: Callable[[], bool], what: str, sleep: Callable[[float], None]) -> None:
    """Look until it is there. Ends the job where it is not in time: the next one goes on."""
    for _ in range(WAIT_S // LOOK_S):
        if there():
            return
        sleep(LOOK_S)
    sys.exit(f"{what} are not there after {WAIT_S} s: kubectl describe the pods; the next look goes on")


def ask_server(method: str, path: str, body: object = None, kind: str = "merge-patch") -> Any:
    """One request to the API server, its answer from JSON."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    headers = {"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}"}
    if body is not None:
        headers["Content-Type"] = f"application/{kind}+json"
    url = f"https://{f'[{host}]' if ':' in host else host}:{port}{path}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    trust = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, context=trust, timeout=30) as answer:  # noqa: S310
        return json.load(answer)


def main() -> None:
    """`scale.py PLAN`."""
    plan = {"namespace": (ACCOUNT / "namespace").read_text(), **json.loads(Path(sys.argv[1]).read_text())}
    surge = in_window(plan, datetime.now(ZoneInfo(plan["timeZone"])))
    scale(plan, surge, ask_server)
    sys.stdout.write(json.dumps({"event": "scaled", "surge": surge, "members": plan["members"][surge]}) + "\n")


if __name__ == "__main__":
    main()
