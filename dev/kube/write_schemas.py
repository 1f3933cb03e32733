"""Make `dev/kube/schemas/` anew from the modules that the versions in `dev/kube/types/`, `dev/kube/go/apiserver/` and
`dev/kube/strimzi/` name.

    python -m dev.kube.write_schemas

Needs Go, Maven and a Java of 21 or newer; half a minute once the API server is built. Descriptions are left out: they
are four fifths of the text.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from dev.kube.api_server import running_api_server
from dev.kube.parts import CACHE, ROOT, TYPES, build, go_environment
from dev.kube.strict_schema import Json, Schema
from dev.kube.validation import CUSTOM, SCHEMAS
from hadir.core.errors import HadirError, SetupError

__all__ = ["BUILT_IN", "built_in", "main", "without_descriptions"]

BUILT_IN = (
    "io.k8s.api.apps.v1.Deployment",
    "io.k8s.api.apps.v1.StatefulSet",
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    "io.k8s.api.batch.v1.CronJob",
    "io.k8s.api.batch.v1.Job",
    "io.k8s.api.core.v1.ConfigMap",
    "io.k8s.api.core.v1.Namespace",
    "io.k8s.api.core.v1.PersistentVolumeClaim",
    "io.k8s.api.core.v1.Pod",
    "io.k8s.api.core.v1.Secret",
    "io.k8s.api.core.v1.Service",
    "io.k8s.api.core.v1.ServiceAccount",
    "io.k8s.api.networking.v1.Ingress",
    "io.k8s.api.networking.v1.NetworkPolicy",
    "io.k8s.api.policy.v1.PodDisruptionBudget",
    "io.k8s.api.rbac.v1.Role",
    "io.k8s.api.rbac.v1.RoleBinding",
)
"""What a chart of one namespace is made of. A further kind is added here, and the script run again."""

_TYPES = {
    "kuberay": ("github.com/ray-project/kuberay/ray-operator/apis/ray/v1", ("ray.io_rayclusters",)),
    "prometheus-operator": (
        "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1",
        tuple(f"monitoring.coreos.com_{plural}" for plural in ("podmonitors", "prometheusrules", "servicemonitors")),
    ),
    "keda": (
        "github.com/kedacore/keda/v2/apis/keda/v1alpha1",
        ("keda.sh_scaledobjects", "keda.sh_triggerauthentications"),
    ),
}
"""Module folder under dev/kube/types: the package of its Go types, the definitions that a chart of ours may use."""

_MARKERS = "crd:maxDescLen=0,generateEmbeddedObjectMeta=true,allowDangerousTypes=true"
"""As KubeRay generates its own: the floating-point numbers of its RayJob are what it calls dangerous."""

_STRIMZI = {
    "kafka.strimzi.io_kafkatopics": "io.strimzi.api.kafka.model.topic.KafkaTopic",
    "kafka.strimzi.io_kafkausers": "io.strimzi.api.kafka.model.user.KafkaUser",
}
_JAVA = 21
"""What Strimzi's generator is compiled for."""

_REFERENCE = re.compile(r'"#/definitions/([^"]+)"')


def main() -> int:
    """0 done; 1 a part is missing or a generator failed, said in one line."""
    if sys.argv[1:]:
        print(__doc__)
        return 0 if sys.argv[1] in {"-h", "--help"} else 2
    try:
        _write()
    except HadirError as err:
        print(f"write_schemas: {err}", file=sys.stderr)
        return 1
    return 0


def _write() -> None:
    build("controller-gen", "apiserver")
    CUSTOM.mkdir(parents=True, exist_ok=True)
    for path in CUSTOM.glob("*.json"):
        path.unlink()
    with tempfile.TemporaryDirectory() as folder:
        for name, definition in [*_from_go(Path(folder)), *_from_strimzi(Path(folder))]:
            _write_json(CUSTOM / f"{name}.json", without_descriptions(definition))
    with tempfile.TemporaryDirectory() as folder:
        version, definitions = _served(Path(folder))
    _write_json(SCHEMAS / "kubernetes.json", {"version": version, "definitions": built_in(definitions)})


def built_in(definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """Of all definitions of Kubernetes those of `BUILT_IN` and what they refer to, without descriptions."""
    wanted, kept = list(BUILT_IN), {}
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept[name] = cast(Schema, without_descriptions(definitions[name]))
            wanted.extend(_REFERENCE.findall(json.dumps(kept[name])))
    return kept


def without_descriptions(node: Json) -> Json:
    """The same without what is written for people; a field that is named `description` stays."""
    if isinstance(node, list):
        return [without_descriptions(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: without_descriptions(value)
        for key, value in node.items()
        if not (key == "description" and isinstance(value, str))
    }


def _write_json(path: Path, content: Json | Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, sort_keys=True, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


def _from_go(folder: Path) -> Iterator[tuple[str, Json]]:
    """As controller-gen reads them from the modules' own Go types."""
    for module, (package, names) in _TYPES.items():
        command = [str(CACHE / "bin" / "controller-gen"), _MARKERS, f"paths={package}", f"output:crd:dir={folder}"]
        _run(command, TYPES / module, go_environment())
        for name in names:
            yield name, yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))


def _from_strimzi(folder: Path) -> Iterator[tuple[str, Json]]:
    """As Strimzi's generator makes them from its own Java types."""
    maven = shutil.which("mvn")
    if maven is None:
        raise SetupError("no Maven found: Strimzi's definitions come from its jars; apt-get install maven")
    pom = str(ROOT / "dev" / "kube" / "strimzi" / "pom.xml")
    libs = folder / "libs"
    copy = ["dependency:copy-dependencies", f"-DoutputDirectory={libs}", "-DincludeScope=runtime"]
    _run([maven, "-q", "-B", "-f", pom, *copy], folder)
    files = [f"{kind}={folder / name}.yaml" for name, kind in _STRIMZI.items()]
    generator = ["io.strimzi.crdgenerator.CrdGenerator", "--target-kube", "1.30+", "--yaml", *files]
    _run([_java(), "-cp", f"{libs}/*", *generator], folder)
    for name in _STRIMZI:
        yield name, yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))


def _served(folder: Path) -> tuple[str, dict[str, Schema]]:
    """(version, definitions) as a real API server serves them."""
    with running_api_server(folder) as server:
        version = json.loads(server.kubectl("get", "--raw", "/version").out)["gitVersion"]
        return version, json.loads(server.kubectl("get", "--raw", "/openapi/v2").out)["definitions"]


def _java() -> str:
    """A Java that is new enough: $JAVA_HOME, the one on the path, or one beside it."""
    homes = [Path(os.environ["JAVA_HOME"])] if "JAVA_HOME" in os.environ else []
    found = [home / "bin" / "java" for home in [*homes, *sorted(Path("/usr/lib/jvm").glob("*"))]]
    on_path = shutil.which("java")
    for java in [*([Path(on_path)] if on_path else []), *found]:
        if java.exists():
            said = subprocess.run([str(java), "-version"], capture_output=True, text=True, check=False).stderr
            number = re.search(r'version "(\d+)', said)
            if number and int(number.group(1)) >= _JAVA:
                return str(java)
    raise SetupError(f"no Java of {_JAVA} or newer found: Strimzi's generator needs it; apt-get install openjdk-21-jre")


def _run(command: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-300:]
        raise SetupError(f"{Path(command[0]).name} failed in {folder.name}: {said}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
