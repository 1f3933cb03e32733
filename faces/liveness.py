"""The slot for presentation-attack detection (PAD): a score of how alive a face looks, kept as evidence.

Nothing here decides. The score has no error rates of this site's own, so no policy may name it yet; reviewers see it.

A folder with `liveness.json` fills the slot: `name`, `licence`, `format`, and its `models`, each with `file`, `sha256`
and, for format `minifasnet`, `scale`: how much of the photo around the detector's box the model sees. Format
`insightface` has one model, the liveness add-on of that package.

MiniFASNet: minivision-ai's Silent-Face-Anti-Spoofing (Apache-2.0). As there: a crop of the box grown by `scale`, moved
into the photo where it would leave it, 80 × 80, BGR 0..255; three probabilities, the second of a live face; the mean
over the models.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from hadir.core.errors import PackError
from hadir.core.evidence import LivenessFinding
from hadir.faces.image import Image, Points
from hadir.faces.insightface_models import LivenessAddOn
from hadir.faces.onnx import Network, open_session
from hadir.faces.runtime import CPU, Runtime

__all__ = ["DESCRIPTION", "LivenessModel", "MiniFasNet", "load_liveness"]

DESCRIPTION = "liveness.json"
MOST_MODEL_BYTES = 64 << 20
INPUT_PX = 80
LIVE = 1
"""The place of a live face among the three probabilities."""


class LivenessModel(Protocol):
    """Belongs to one thread."""

    name: str

    def judge(self, image: Image, box_px: Sequence[float], five_px: Points) -> LivenessFinding:
        """One face of a photo, (H, W, 3) RGB: its box (x0, y0, x1, y1) and five points (5, 2) in the photo's pixels."""
        ...


@dataclass(frozen=True, slots=True)
class _Part:
    file: str
    sha256: str
    scale: float | None = None


@dataclass(frozen=True, slots=True)
class _Description:
    name: str
    licence: str
    format: Literal["minifasnet", "insightface"]
    models: list[_Part]


class MiniFasNet:
    """One or more networks, each with a view of its own."""

    def __init__(self, name: str, networks: Sequence[tuple[float, Network]]) -> None:
        """`networks`: (scale, network that takes (N, 3, 80, 80) and gives (N, 3) probabilities)."""
        self.name = name
        self._networks = networks

    def judge(self, image: Image, box_px: Sequence[float], five_px: Points) -> LivenessFinding:  # noqa: ARG002
        live = [float(network.run(_crop(image, box_px, scale))[0][0, LIVE]) for scale, network in self._networks]
        return LivenessFinding(sum(live) / len(live), "measured")


def load_liveness(folder: Path, runtime: Runtime = CPU) -> LivenessModel:
    """What fills the slot.

    Raises:
        PackError: the folder has no description, or a model is missing, altered or of another shape.
    """
    try:
        described = msgspec.json.decode((folder / DESCRIPTION).read_bytes(), type=_Description)
    except OSError as err:
        raise PackError(
            f"{folder} has no {DESCRIPTION}: write it as docs/face-packs.md says, or name no folder"
        ) from err
    except msgspec.MsgspecError as err:
        raise PackError(f"{folder / DESCRIPTION} does not describe a liveness model: {err}") from err
    if described.format == "insightface":
        if len(described.models) != 1:
            raise PackError(f"{folder} names {len(described.models)} models, the add-on of insightface is one")
        file = described.models[0].file
        return LivenessAddOn(described.name, folder / file, open_session(_checked(folder, described.models[0]), file))
    networks = [(_scale(folder, part), _network(folder, part, runtime)) for part in described.models]
    if not networks:
        raise PackError(f"{folder} names no model: a liveness slot needs one at least")
    return MiniFasNet(described.name, networks)


def _checked(folder: Path, part: _Part) -> bytes:
    path = folder / part.file
    if path.parent != folder:
        raise PackError(f"{folder / DESCRIPTION} names a file outside of its folder: lay the models beside it")
    try:
        with path.open("rb") as file:
            content = file.read(MOST_MODEL_BYTES + 1)
    except OSError as err:
        raise PackError(f"{path} cannot be read: fetch the liveness model again") from err
    if hashlib.sha256(content).hexdigest() != part.sha256:
        raise PackError(f"{path} was altered since it was described: fetch the liveness model again")
    return content


def _network(folder: Path, part: _Part, runtime: Runtime) -> Network:
    content = _checked(folder, part)
    outputs = open_session(content, part.file).get_outputs()
    if len(outputs) != 1 or list(outputs[0].shape[1:]) != [3]:
        raise PackError(f"{folder / part.file} gives no three probabilities: it is not a MiniFASNet")
    return Network(content, part.file, (outputs[0].name,), runtime)


def _scale(folder: Path, part: _Part) -> float:
    if part.scale is None or not 1 <= part.scale <= 8:
        raise PackError(f"{folder / DESCRIPTION}: {part.file} needs a scale of 1 to 8, how much it sees around the box")
    return part.scale


def _crop(image: Image, box_px: Sequence[float], scale: float) -> NDArray[np.float32]:
    """(1, 3, 80, 80) float32 BGR: the box grown by `scale` as far as the photo allows, moved inside."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = box_px
    grown = min(scale, (height - 1) / (y1 - y0), (width - 1) / (x1 - x0))
    left, right = _span((x0 + x1) / 2, (x1 - x0) * grown, width - 1)
    top, bottom = _span((y0 + y1) / 2, (y1 - y0) * grown, height - 1)
    crop = cv2.resize(image[top : bottom + 1, left : right + 1], (INPUT_PX, INPUT_PX))
    return np.ascontiguousarray(crop[:, :, ::-1].transpose(2, 0, 1)[None], dtype=np.float32)


def _span(middle: float, length: float, end: int) -> tuple[int, int]:
    start = min(max(middle - length / 2, 0.0), max(end - length, 0.0))
    return int(start), min(int(start + length), end)
