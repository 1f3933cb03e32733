"""The face that a photo is about, with its mesh, and whether somebody else is as prominent."""

from __future__ import annotations

from dataclasses import dataclass

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
    """Detector and mesh in a row, on one photo. Belongs to one thread."""

    def __init__(self, detector: BlazeFace, mesh: FaceMesh, second_face_ratio: float) -> None:
        """`second_face_ratio`: from which share of the largest face's width another face counts."""
        self._detector = detector
        self._mesh = mesh
        self._second_face_ratio = second_face_ratio

    def locate(self, image: Image) -> LocatedFace | None:
        """The largest face that detector and mesh agree on. A face that fills the photo is found by a second look with
        a border around it."""
        return self._largest(image, self._detector.detect(image)) or self._largest(
            image, self._detector.detect(image, padded=True)
        )

    def _largest(self, image: Image, detections: list[Detection]) -> LocatedFace | None:
        """Meshes as few candidates as the answer needs, widest first."""
        found: tuple[Detection, Mesh] | None = None
        for detection in sorted(detections, key=lambda detection: -detection.width_px):
            if found is not None and detection.width_px < self._second_face_ratio * found[0].width_px:
                break
            mesh = self._mesh.fit(image, detection)
            if mesh.presence <= MIN_PRESENCE:
                continue
            if found is not None:
                return LocatedFace(*found, crowded=True)
            found = detection, mesh
        return LocatedFace(*found, crowded=False) if found is not None else None
