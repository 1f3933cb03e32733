"""Hadir, whole, and the plain InsightFace loop with the same recogniser: who looks at more photos, and who errs less.

Two of Hadir's layouts run the recogniser, each from log to ledger: behind the open pack's detector and mesh, and behind
the folder's own SCRFD as the loop has it. The loop runs as everybody writes it, one process with its libraries' own
threads, and as somebody would who knows this machine, one process of one thread per core; `_insightface_loop` says what
it does for a photo.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks._bare_process import BareProcess, insightface_loops, work_together
from benchmarks._conditions import cores
from benchmarks._drain import drain, twice_each
from benchmarks._insightface_loop import InsightFaceLoop
from benchmarks._rounds import Bar, Side, Spread, ratio, say
from benchmarks._workplace import Workplace, build_workplace
from hadir.faces.model_licence import licence_of
from hadir.faces.model_store import Acceptance, ModelStore, Origin
from hadir.faces.pack import ENROLMENT_PHOTOS, FacePack
from hadir.faces.pack_record import FrontKind
from hadir.faces.packs import load_pack
from hadir.index.evaluation import evaluate

__all__ = ["BARS", "Contest", "ContestSize", "contest", "pack_folder"]

FRONTS: Mapping[str, FrontKind] = {"open_front": "open", "same_models": "own"}
"""Hadir's layouts by their names in the report."""

BARS = (
    Bar("open_front_over_insightface_loop", "at least", 4.0),
    Bar("same_models_over_insightface_loop", "at least", 1.5),
    Bar("open_front_errors_over_loop", "at most", 1.0),
    Bar("same_models_errors_over_loop", "at most", 1.0),
)

ERROR_RATE = "1e-3"
_TOGETHER = 8


@dataclass(frozen=True, slots=True)
class ContestSize:
    """Hadir decides `check_ins` per round and layout; the loop goes once through the `selfies`. Errors are counted on
    the photos of so many `people`, four each."""

    check_ins: int = 3072
    selfies: int = 256
    stand_ins: int = 13_000
    people: int = 150


@dataclass(frozen=True, slots=True)
class Contest:
    """What takes turns, and what its figures are worth beside each other."""

    sides: Mapping[str, Side]
    compare: Callable[[Mapping[str, Spread]], dict[str, Spread]]


def pack_folder() -> Path | None:
    """A folder with one SCRFD detector and one ArcFace recogniser, None where there is none: named by HADIR_BENCH_PACK,
    else the one among the test data."""
    data = _test_data() / "packs" / "scrfd500m-mobilefacenet128"
    folder = Path(os.environ.get("HADIR_BENCH_PACK", data))
    return folder if any(folder.glob("*.onnx")) else None


@contextmanager
def contest(
    folder: Path, pack: Path, broker: Literal["memory", "kafka"], bootstrap: str, size: ContestSize
) -> Iterator[Contest]:
    """Both of Hadir's layouts and both of the loop's, warm; `folder` is for files."""
    with ExitStack() as closers:
        places = {name: _workplace(folder / name, pack, front, size) for name, front in FRONTS.items()}
        plain = closers.enter_context(insightface_loops(places["same_models"], 1))
        spread = closers.enter_context(insightface_loops(places["same_models"], max(2, cores())))
        numbers = count(1)

        def run(workplace: Workplace) -> dict[str, float]:
            settings = workplace.settings(f"run-{next(numbers)}", broker, bootstrap)
            return drain(settings, workplace, size.check_ins)

        sides: dict[str, Side] = {name: partial(run, place) for name, place in places.items()}
        sides |= {
            "insightface_loop": partial(_once_through, plain),
            "insightface_processes": partial(_once_through, spread),
        }
        packs = {name: place.stage.pack for name, place in places.items()}
        yield Contest(sides, lambda figures: {**_ratios(figures), **_error_rates(pack, packs, size.people)})


def _ratios(figures: Mapping[str, Spread]) -> dict[str, Spread]:
    """Hadir's photos per second over the loop's, round by round."""
    return {
        f"{front}_over_{loop}": ratio(figures[f"{front}_photos_per_s"], figures[f"{loop}_photos_per_s"])
        for front in FRONTS
        for loop in ("insightface_loop", "insightface_processes")
    }


def _error_rates(pack: Path, packs: Mapping[str, str], people: int) -> dict[str, Spread]:
    """How many photos have no face to the loop and to both layouts; and over those in which all of them find one, the
    share of a person's own pairs that are refused where one of 1,000 pairs of different people passes.

    Empty where the photos are not here; nobody in them was used to choose anything. Too few of them give no rate.
    """
    folder = _test_data() / "faces" / "lfw_subset"
    photos = [photo for person in sorted(folder.glob("*/"))[:people] for photo in sorted(person.glob("*.jpg"))]
    if not photos:
        return {}
    say("error rates")
    loop = InsightFaceLoop(pack, "1")
    found = {"insightface_loop": [loop.embed(photo.read_bytes()) for photo in photos]}
    found |= {name: _vectors(load_pack(stored), photos) for name, stored in packs.items()}
    figures = {f"{name}_without_a_face": float(sum(v is None for v in vectors)) for name, vectors in found.items()}
    whole = [at for at in range(len(photos)) if all(vectors[at] is not None for vectors in found.values())]
    labels = [photos[at].parent.name for at in whole]
    for name, vectors in found.items():
        stacked = np.stack([vector for at in whole if (vector := vectors[at]) is not None])
        if (rate := evaluate(stacked, labels).fnmr_at_fmr[ERROR_RATE]) is not None:
            figures[f"{name}_fnmr_at_{ERROR_RATE}"] = rate
    if theirs := figures.get(f"insightface_loop_fnmr_at_{ERROR_RATE}"):
        figures |= {f"{name}_errors_over_loop": figures[f"{name}_fnmr_at_{ERROR_RATE}"] / theirs for name in packs}
    return {name: Spread((value,)) for name, value in figures.items()}


def _workplace(folder: Path, pack: Path, front: FrontKind, size: ContestSize) -> Workplace:
    """With the pack laid out for that front, as `hadir models add` would."""
    folder.mkdir()
    accepted = Acceptance(licence_of(pack.name, pack), "a benchmark", 0)
    stored = ModelStore(folder / "packs").add(
        folder.name, pack, accepted, Origin(str(pack.name)), now_ms=0, front=front
    )
    alike = twice_each(size.check_ins, size.selfies)
    return build_workplace(folder, size.selfies, size.stand_ins, str(stored.folder.absolute()), alike=alike)


def _once_through(loops: Sequence[BareProcess]) -> dict[str, float]:
    return {"photos_per_s": work_together(loops, passes=1).photos_per_s}


def _vectors(pack: FacePack, photos: Sequence[Path]) -> list[NDArray[np.float32] | None]:
    rules = replace(ENROLMENT_PHOTOS, quality=False)
    batches = (photos[start : start + _TOGETHER] for start in range(0, len(photos), _TOGETHER))
    return [
        result.vector for batch in batches for result in pack.analyse([photo.read_bytes() for photo in batch], rules)
    ]


def _test_data() -> Path:
    return Path(os.environ.get("HADIR_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
