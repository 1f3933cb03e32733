"""What the machines measured about one check-in: everything that `decide` may look at besides the claim itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hadir.core.verdict import Reason

__all__ = [
    "AppliedThreshold",
    "Candidate",
    "Cohort",
    "Evidence",
    "FaceFinding",
    "FaceMeasures",
    "History",
    "ImpostorCount",
    "LivenessFinding",
    "PhotoFinding",
    "Place",
    "Replay",
    "Scale",
    "ShiftWindow",
]

Scale = Literal["cosine", "as-norm"]
"""What a score is counted in: a cosine in [-1, 1], or a normalised score z (hadir.index.normalisation), unbounded."""


@dataclass(frozen=True, slots=True)
class FaceMeasures:
    """The face that was used in one photo. Pixels are the photo's own; angles in degrees, yaw > 0 to the image's
    right."""

    box_px: tuple[float, float, float, float]
    width_px: float
    detector_score: float
    presence: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    sharpness: float
    brightness: float


@dataclass(frozen=True, slots=True)
class LivenessFinding:
    """How alive a face looks to a presentation-attack detector: `score` in 0..1, None where its input was no good, as
    `reason` says ("measured", "too_near_the_rim", "not_aligned"). Evidence for reviewers: no rule looks at it."""

    score: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class PhotoFinding:
    """One photo: usable (`code` None), or why not. `code` is one of PHOTO_CODES or QUALITY_CODES. `liveness` is None
    where nobody looked. `mark` is its perceptual mark (hadir.faces.photo_mark), None where no face was found."""

    code: Reason | None
    face: FaceMeasures | None = None
    liveness: LivenessFinding | None = None
    mark: bytes | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One enrolled person in a search result: cosine similarity, and how many photos their template was fused from.

    `synthetic` people are vectors of nobody: they take part in a search, never in an accusation or a statistic.
    `normalised` is the similarity as z (AS-norm), None where the snapshot has no normalisation or it cannot be told.
    """

    person: str
    similarity: float
    photos: int
    synthetic: bool = False
    normalised: float | None = None


@dataclass(frozen=True, slots=True)
class Cohort:
    """The probe's highest cosines to people other than the claimed one, as score normalisation needs them (AS-norm)."""

    size: int
    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class ImpostorCount:
    """A live probe against people whom nobody claimed: `compared` of them, and how many reached the threshold of each
    rate (`reached`, rate to count): what a nominal rate is in truth, where check-ins are honest."""

    compared: int
    reached: dict[str, int]


@dataclass(frozen=True, slots=True)
class FaceFinding:
    """What a face actor returns for one check-in.

    `photos` is parallel to the check-in's photos; `usable` of them were fused into the probe (L2 mean). `agreement` is
    the lowest cosine between two usable photos, None below two. `claimed` is None where the person has no template (or
    nothing was usable). `others` are the best enrolled people other than the claimed one, descending, at most two.
    `cohort` is None where nothing was usable or nobody else is enrolled; `impostors` where nobody counts them.
    """

    photos: tuple[PhotoFinding, ...]
    usable: int
    agreement: float | None
    enrolled: bool
    claimed: Candidate | None
    others: tuple[Candidate, ...]
    cohort: Cohort | None
    embedding_space: str
    snapshot: str
    impostors: ImpostorCount | None = None


@dataclass(frozen=True, slots=True)
class AppliedThreshold:
    """The similarity that a rate means for one cell, in one scale, and where it came from.

    `cell` is `p/k` (probe photos / template photos). `source` is `snapshot`, `pack`, or `pack:highest` where the pack
    has no figure for this cell and its highest supported threshold serves. `similarity` None: nothing supports this
    rate. It is a cosine or a z, as `scale` says; packs know cosines alone.
    """

    fmr: float
    cell: str
    similarity: float | None
    source: str
    scale: Scale = "cosine"

    def score(self, other: Candidate) -> float | None:
        """What of a comparison this threshold is for: its cosine or its z; None where it has no z."""
        return other.similarity if self.scale == "cosine" else other.normalised


@dataclass(frozen=True, slots=True)
class Place:
    """The fix against the nearest of the person's sites. Metres; `distance_m` is to the site's centre."""

    site: str
    distance_m: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class ShiftWindow:
    """The shift whose window for this direction is open at the time that counts; `minutes` late (`in`) or early
    (`out`)."""

    key: str
    minutes: int


@dataclass(frozen=True, slots=True)
class History:
    """Earlier rows of the same person, direction and shift, in the order of reception.

    `mismatches` counts `face_mismatch` since the last accepted one; `accepted` says whether one was accepted before.
    """

    mismatches: int = 0
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """A photo of this check-in (`photo`, from 0) that an earlier one had brought already: photo `of_photo` of `of`.

    `exact`: the same bytes; else `distance_bits` of the two perceptual marks differ. `same_person`: whether that
    check-in was of the person who is claimed now. `decides`: whether it counts, or is only kept as evidence.
    """

    photo: int
    of: str
    of_photo: int
    exact: bool
    distance_bits: int
    same_person: bool
    decides: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything `decide` looks at besides the check-in.

    `face` is None for channels without photos, and where processing failed (`failed_attempts` spent). `place` is the
    site whose fence is nearest; None without a fix, and with one where no site is assigned. `shift` is None where no
    window is open; `shift_key` then still names unit and local date. Thresholds are None where there was nothing to
    compare.
    """

    received_at_ms: int
    on_roster: bool
    face: FaceFinding | None = None
    failed_attempts: int = 0
    accept: AppliedThreshold | None = None
    review: AppliedThreshold | None = None
    identify: AppliedThreshold | None = None
    agree: AppliedThreshold | None = None
    identify_margin: float | None = None
    place: Place | None = None
    shift: ShiftWindow | None = None
    shift_key: str | None = None
    history: History = History()
    replays: tuple[Replay, ...] = ()
