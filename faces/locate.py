"""The face that a photo is about, with its mesh, and whether somebody else is as prominent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hadir.faces.blazeface import BlazeFace, Detection
from hadir.faces.image import Image
from hadir.faces.mesh import FaceMesh, Mesh

__all__ = ["FaceLocator", "LocatedFace"]

MIN_PRESENCE = 0.5
"""Of 624 crops without a face the detector alone takes 43 for one; with the mesh's word beside it, 1 (measured)."""


@dataclass(frozen=True, slots=True, eq=False)
class LocatedFace:
    """The largest face. `crowded`: another one is wide enough, compared with it, to be meant as well."""

    detection: Detection
    mesh: Mesh
    crowded: bool


class FaceLocator:
    """Detector and mesh in a row, each on as many photos as there are. Belongs to one thread."""

    def __init__(self, detector: BlazeFace, mesh: FaceMesh, second_face_ratio: float) -> None:
        """`second_face_ratio`: from which share of the largest face's width another face counts."""
        self._detector = detector
        self._mesh = mesh
        self._second_face_ratio = second_face_ratio

    def locate(self, images: Sequence[Image]) -> list[LocatedFace | None]:
        """Each photo's largest face that detector and mesh agree on. A face that fills the photo is found by a second
        look with a border around it."""
        found = self._largest(images, self._detector.detect(images))
        again = [at for at, face in enumerate(found) if face is None]
        if again:
            missed = [images[at] for at in again]
            for at, face in zip(again, self._largest(missed, self._detector.detect(missed, padded=True)), strict=True):
                found[at] = face
        return found

    def _largest(self, images: Sequence[Image], detections: Sequence[list[Detection]]) -> list[LocatedFace | None]:
        """Meshes as few candidates as the answers need, the widest of every photo first."""
        searches = [_Search(found, self._second_face_ratio) for found in detections]
        while due := [(at, one) for at, search in enumerate(searches) if (one := search.candidate()) is not None]:
            meshes = self._mesh.fit([(images[at], candidate) for at, candidate in due])
            for (at, candidate), mesh in zip(due, meshes, strict=True):
                searches[at].judge(candidate, mesh)
        return [search.face for search in searches]


class _Search:
    """One photo's candidates, widest first, until it is known which is the face and whether it has a rival."""

    def __init__(self, detections: Sequence[Detection], second_face_ratio: float) -> None:
        self._waiting = sorted(detections, key=lambda detection: detection.width_px)
        self._second_face_ratio = second_face_ratio
        self.face: LocatedFace | None = None

    def candidate(self) -> Detection | None:
        """The next one to mesh; None where the answer is known."""
        if not self._waiting or (self.face is not None and self.face.crowded):
            return None
        widest = self._waiting[-1]
        if self.face is not None and widest.width_px < self._second_face_ratio * self.face.detection.width_px:
            return None
        return self._waiting.pop()

    def judge(self, candidate: Detection, mesh: Mesh) -> None:
        """Whether the mesh agrees that there is a face."""
        if mesh.presence <= MIN_PRESENCE:
            return
        if self.face is None:
            self.face = LocatedFace(candidate, mesh, crowded=False)
        else:
            self.face = replace(self.face, crowded=True)
