"""Does a card compute what the processor computes, and how much faster? One command for anyone who has a card.

`make gpu-check` builds an environment with the card's runtime, runs this, and leaves `runs/gpu-check.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from benchmarks._conditions import commit
from hadir.app.demo_people import people_in_packages
from hadir.app.variation import vary
from hadir.core.errors import HadirError
from hadir.faces.open_pack import Choice
from hadir.faces.pack import CHECK_IN_PHOTOS, FacePack, PackInfo
from hadir.faces.packs import load_pack
from hadir.faces.runtime import Runtime

__all__ = ["MIN_COSINE", "compare", "main", "photos_per_s"]

MIN_COSINE = 0.9995
"""As for the golden chip: what lies closer is the same vector for every rate that a policy can name."""

BATCHES = (1, 4, 8, 16, 32, 64)
ROUNDS = 5
REPORT = Path("runs/gpu-check.json")

_DONE, _ERROR, _GATE_FAILED = 0, 1, 4


def compare(one: FacePack, other: FacePack, photos: Sequence[bytes]) -> dict[str, float]:
    """Share of photos with the same finding, and the lowest and median cosine of their vectors."""
    pairs = list(zip(one.analyse(photos, CHECK_IN_PHOTOS), other.analyse(photos, CHECK_IN_PHOTOS), strict=True))
    cosines = [float(a.vector @ b.vector) for a, b in pairs if a.vector is not None and b.vector is not None]
    if not cosines:
        raise ValueError("no photo gave a vector on both: there is nothing to compare")
    return {
        "photos": len(pairs),
        "same_finding": sum(a.finding.code == b.finding.code for a, b in pairs) / len(pairs),
        "cosine_min": min(cosines),
        "cosine_median": statistics.median(cosines),
    }


def photos_per_s(pack: FacePack, photos: Sequence[bytes], batch: int, rounds: int = ROUNDS) -> float:
    """The median over `rounds` of full batches, decoding included."""
    chosen = [photos[n % len(photos)] for n in range(batch)]
    pack.analyse(chosen, CHECK_IN_PHOTOS)
    taken = []
    for _ in range(rounds):
        start_s = time.perf_counter()
        pack.analyse(chosen, CHECK_IN_PHOTOS)
        taken.append(time.perf_counter() - start_s)
    return batch / statistics.median(taken)


def main(arguments: Sequence[str]) -> int:
    """0: the card serves and agrees. 1: it cannot be used. 4: it disagrees with the processor."""
    parser = argparse.ArgumentParser("gpu-check", description=__doc__)
    parser.add_argument("--runtime", choices=["cuda", "tensorrt", "cpu"], default="cuda", help="cpu tries the check")
    parser.add_argument("--pack", default="open", help="a name or a folder")
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES, metavar="N")
    parser.add_argument("--report", type=Path, default=REPORT)
    given = parser.parse_args(arguments)
    precision: Choice = "fp16" if given.pack == "open" else "auto"
    try:
        on_cpu = load_pack(given.pack, precision)
        on_card = load_pack(given.pack, precision, Runtime(given.runtime))
    except HadirError as err:
        print(f"gpu-check: {err}", file=sys.stderr)
        return _ERROR
    photos = _photos()
    agreement = compare(on_card, on_cpu, photos)
    speed = {
        where: {str(batch): photos_per_s(pack, photos, batch) for batch in given.batches}
        for where, pack in (("card", on_card), ("cpu", on_cpu))
    }
    agrees = agreement["same_finding"] == 1 and agreement["cosine_min"] >= MIN_COSINE
    report = {
        "commit": commit(),
        "runtime": given.runtime,
        "card": _card(),
        "versions": _versions(),
        "cpu_threads": 1,
        "pack": {"name": on_card.info.name, "precision": on_card.info.precision, "served_by": on_card.info.runtime},
        "agreement": agreement | {"cosine_wanted": MIN_COSINE, "agrees": agrees},
        "photos_per_s": speed,
    }
    given.report.parent.mkdir(parents=True, exist_ok=True)
    given.report.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    _tell(on_card.info, agreement, speed, given.report)
    return _DONE if agrees else _GATE_FAILED


def _photos() -> list[bytes]:
    rng = np.random.default_rng(0)
    return [vary(photo, rng) for person in people_in_packages() for photo in person.photos for _ in range(8)]


def _card() -> str:
    """As the driver's own tool names it; empty where it is not there."""
    folder = Path("/proc/driver/nvidia/gpus")
    try:
        first = next(iter(sorted(folder.iterdir())))
        lines = (first / "information").read_text(encoding="ascii", errors="replace").splitlines()
    except (OSError, StopIteration):
        return os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("Model")), "")


def _versions() -> dict[str, str]:
    found = {}
    for name in ("onnxruntime", "onnxruntime-gpu", "nvidia-cudnn-cu13", "numpy", "opencv-python-headless"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _tell(pack: PackInfo, agreement: dict[str, float], speed: dict[str, dict[str, float]], report: Path) -> None:
    print(f"pack {pack.name} {pack.precision} on {pack.runtime}: {agreement['photos']:.0f} photos, ", end="")
    print(f"same finding {agreement['same_finding']:.1%}, ", end="")
    print(f"cosine to the processor's vectors at least {agreement['cosine_min']:.5f} ({MIN_COSINE} wanted)")
    for where, rates in speed.items():
        print(
            f"{where:<5}" + "".join(f"{rate:7.0f} at {batch}" for batch, rate in rates.items()) + "  photos/s at batch"
        )
    print(f"Report: {report}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
