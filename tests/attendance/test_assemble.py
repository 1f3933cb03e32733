"""From a received check-in to the evidence: the time, the unit, the place and the thresholds that count."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from hadir.attendance.assemble import Assembler
from hadir.attendance.ledger_row import HistoryKey
from hadir.attendance.period import Period
from hadir.attendance.policy import Policy
from hadir.attendance.roster import Membership, Roster
from hadir.attendance.shifts import Shift, Shifts, Window
from hadir.attendance.sites import Placement, Site, Sites
from hadir.attendance.units import Unit, Units
from hadir.attendance.yardsticks import Yardstick, Yardsticks
from hadir.core.check_in import Channel, CheckIn, Direction, Fix, Position, Received
from hadir.core.errors import CalibrationError, ConfigError
from hadir.core.evidence import Candidate, Evidence, FaceFinding, History, PhotoFinding, ShiftWindow
from hadir.core.thresholds import Thresholds, ThresholdTable

ZONE = ZoneInfo("Asia/Jakarta")
EVERY_DAY = frozenset(range(7))
OFFICE = Shift("office", "day", EVERY_DAY, Window(360, 450, 600), Window(840, 960, 1200))
NIGHT = Shift("clinic", "night", EVERY_DAY, Window(1200, 1260, 1350), Window(1830, 1860, 1950))
UNITS = Units([Unit("office", "Office", ZONE), Unit("clinic", "Clinic", ZONE)])
SHIFTS = Shifts(UNITS, [OFFICE, NIGHT])
ROSTER = Roster(
    [
        Membership("a", "office", "1", "A"),
        Membership("n", "clinic", "2", "N", Period(last=date(2026, 11, 24))),
        Membership("m", "clinic", "3", "M", Period(last=date(2026, 11, 24))),
        Membership("m", "office", "3", "M", Period(first=date(2026, 11, 25))),
    ]
)
SITES = Sites(
    [Site("hall", "Hall", -9.4, 113.4, 150), Site("school", "School", -9.5, 113.4, 60)],
    [
        Placement("hall", unit="office"),
        Placement("hall", unit="clinic"),
        Placement("school", person="n", period=Period(last=date(2026, 11, 24))),
    ],
)
SNAPSHOT = ThresholdTable({"1e-3": {"1/3": 0.51}, "1e-2": {"1/1": 0.31, "1/3": None}})
PACK = ThresholdTable(
    {"1e-3": {"1/3": 0.5, "2/3": 0.55}, "1e-2": {"1/1": 0.3, "1/3": 0.4, "2/3": 0.45}, "1e-4": {"1/2": 0.6}}
)
THRESHOLDS = Thresholds(SNAPSHOT, PACK)
POLICY = Policy("test", "1", date(2026, 1, 1))


def yardsticks(thresholds: Thresholds) -> Yardsticks:
    known = Yardsticks(POLICY)
    known.register("snapshot", Yardstick(thresholds, 0.02))
    return known


def assembler(roster: Roster = ROSTER, sites: Sites = SITES, thresholds: Thresholds = THRESHOLDS) -> Assembler:
    return Assembler(roster, sites, SHIFTS, POLICY, yardsticks(thresholds))


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


def received(
    person: str, moment: str, channel: Channel = Channel.FACE, direction: str = "in", captured: str | None = None
) -> Received:
    fix = Fix(-9.4, 113.4, 10)
    check_in = CheckIn("id", person, Direction(direction), channel, at(captured or moment), fix, (b"x",))
    return Received("id", person, Position(0, 0), at(moment), "00", check_in)


def invalid(person: str) -> Received:
    return Received("id", person, Position(0, 0), at("2026-11-24T07:00"), "00", None, "fix")


def finding(usable: int = 1, agreement: float | None = None, claimed_photos: int | None = 3) -> FaceFinding:
    claimed = Candidate("a", 0.9, claimed_photos) if claimed_photos is not None else None
    others = (Candidate("b", 0.2, 2), Candidate("c", 0.1, 4))
    return FaceFinding((PhotoFinding(None),) * 2, usable, agreement, True, claimed, others, None, "space", "snapshot")


def evidence(
    rules: Assembler, one: Received, face: FaceFinding | None, failed_attempts: int, history: History
) -> Evidence:
    return rules.evidence(one, rules.duty(one), face, failed_attempts, history)


def history_key(one: Received) -> HistoryKey | None:
    duty = assembler().duty(one)
    return None if duty is None else duty.history


def test_a_face_counts_when_it_was_received_whatever_the_phone_says() -> None:
    late = received("a", "2026-11-24T07:40", captured="2026-11-24T07:00")
    assert evidence(assembler(), late, finding(), 0, History()).shift == ShiftWindow("office/2026-11-24/day", 10)


@pytest.mark.parametrize("channel", [Channel.FINGERPRINT, Channel.PAPER])
def test_fingerprint_and_paper_count_when_they_were_made(channel: Channel) -> None:
    delayed = received("a", "2026-11-25T13:00", channel, captured="2026-11-24T07:40")
    seen = evidence(assembler(), delayed, None, 0, History())
    assert seen.shift == ShiftWindow("office/2026-11-24/day", 10)
    assert history_key(delayed) == HistoryKey("a", "in", "office/2026-11-24/day")


@pytest.mark.parametrize("channel", [Channel.FINGERPRINT, Channel.PAPER])
def test_fingerprint_and_paper_are_never_placed(channel: Channel) -> None:
    seen = evidence(assembler(), received("a", "2026-11-24T07:00", channel), None, 0, History())
    assert (seen.place, seen.accept, seen.identify_margin) == (None, None, None)


def test_without_an_open_window_the_key_still_names_unit_and_day() -> None:
    noon = received("a", "2026-11-24T12:00")
    seen = evidence(assembler(), noon, finding(), 0, History())
    assert (seen.shift, seen.shift_key) == (None, "office/2026-11-24/")
    assert history_key(noon) == HistoryKey("a", "in", "office/2026-11-24/")


def test_an_unknown_person_and_an_invalid_record_have_no_history() -> None:
    stranger = received("x", "2026-11-24T07:00")
    assert assembler().duty(stranger) is None
    assert not evidence(assembler(), stranger, finding(), 0, History()).on_roster
    assert assembler().duty(invalid("a")) is None
    assert evidence(assembler(), invalid("a"), None, 0, History()).on_roster
    assert not evidence(assembler(), invalid("x"), None, 0, History()).on_roster


def test_the_morning_after_the_last_night_shift_still_belongs_to_it() -> None:
    leaving = received("n", "2026-11-25T07:00", direction="out")
    seen = evidence(assembler(), leaving, finding(), 0, History())
    assert seen.on_roster
    assert seen.shift == ShiftWindow("clinic/2026-11-24/night", 0)
    assert not evidence(assembler(), received("n", "2026-11-25T20:00"), finding(), 0, History()).on_roster


def test_a_placement_holds_for_the_whole_night_shift() -> None:
    leaving = received("n", "2026-11-25T07:00", direction="out")
    assert leaving.check_in is not None
    there = replace(leaving, check_in=replace(leaving.check_in, fix=Fix(-9.5, 113.4, 10)))
    place = evidence(assembler(), there, finding(), 0, History()).place
    assert place is not None
    assert (place.site, round(place.distance_m)) == ("school", 0)


def test_after_a_transfer_the_old_units_night_and_the_new_units_day_both_count() -> None:
    night = evidence(assembler(), received("m", "2026-11-25T07:00", direction="out"), finding(), 0, History())
    day = evidence(assembler(), received("m", "2026-11-25T07:00"), finding(), 0, History())
    assert night.shift == ShiftWindow("clinic/2026-11-24/night", 0)
    assert day.shift == ShiftWindow("office/2026-11-25/day", 0)


def test_where_two_memberships_hold_at_once_because_of_their_zones_the_later_one_counts() -> None:
    east = Unit("east", "East", ZoneInfo("Asia/Jayapura"))
    moved = Roster(
        [
            Membership("z", "office", "4", "Z", Period(last=date(2026, 11, 24))),
            Membership("z", "east", "4", "Z", Period(first=date(2026, 11, 25))),
        ]
    )
    shifts = Shifts(Units([*UNITS, east]), [OFFICE])
    some = Assembler(moved, Sites([], []), shifts, POLICY, yardsticks(THRESHOLDS))
    assert evidence(some, received("z", "2026-11-24T23:30"), finding(), 0, History()).shift_key == "east/2026-11-25/"


def test_a_fix_is_held_against_the_nearest_of_the_persons_sites() -> None:
    place = evidence(assembler(), received("a", "2026-11-24T07:00"), finding(), 0, History()).place
    assert place is not None
    assert (place.site, round(place.distance_m), place.radius_m) == ("hall", 0, 150)
    unplaced = evidence(assembler(sites=Sites([], [])), received("a", "2026-11-24T07:00"), finding(), 0, History())
    assert unplaced.place is None


def test_each_comparison_has_the_threshold_of_its_own_cell() -> None:
    seen = evidence(assembler(), received("a", "2026-11-24T07:00"), finding(agreement=0.8), 0, History())
    shown = [(t.cell, t.similarity, t.source) for t in (seen.accept, seen.review, seen.identify, seen.agree) if t]
    assert shown == [
        ("1/3", 0.51, "snapshot"),
        ("1/3", 0.4, "pack"),
        ("1/2", 0.6, "pack"),
        ("1/1", 0.31, "snapshot"),
    ]
    assert seen.identify_margin == 0.02


def test_more_usable_photos_are_another_cell() -> None:
    seen = evidence(assembler(), received("a", "2026-11-24T07:00"), finding(usable=2, agreement=0.8), 0, History())
    assert seen.accept is not None
    assert seen.identify is not None
    assert (seen.accept.cell, seen.accept.similarity) == ("2/3", 0.55)
    assert (seen.identify.cell, seen.identify.source) == ("2/2", "pack:highest")


def test_where_nothing_was_compared_there_is_no_threshold() -> None:
    unusable = evidence(assembler(), received("a", "2026-11-24T07:00"), finding(usable=0), 0, History())
    assert (unusable.accept, unusable.review, unusable.identify, unusable.agree) == (None,) * 4
    not_enrolled = finding(claimed_photos=None)
    seen = evidence(assembler(), received("a", "2026-11-24T07:00"), not_enrolled, 0, History())
    assert (seen.accept, seen.review) == (None, None)


def test_spent_attempts_and_history_are_passed_on() -> None:
    seen = evidence(assembler(), received("a", "2026-11-24T07:00"), None, 3, History(2, True))
    assert (seen.face, seen.failed_attempts, seen.history) == (None, 3, History(2, True))


@pytest.mark.parametrize(
    ("roster", "sites", "words"),
    [
        (Roster([Membership("a", "moon", "1", "A")]), Sites([], []), "roster names units .*: moon"),
        (ROSTER, Sites([], [Placement("s", unit="moon")]), "placements name units .*: moon"),
        (ROSTER, Sites([], [Placement("s", person="x")]), "placements name persons .*: x"),
    ],
)
def test_files_that_do_not_fit_each_other_are_refused(roster: Roster, sites: Sites, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        assembler(roster, sites)


@pytest.mark.parametrize(("missing", "name"), [("1e-3", "accept_fmr"), ("1e-2", "review_fmr")])
def test_a_rate_that_nothing_supports_is_refused_by_name(missing: str, name: str) -> None:
    table = ThresholdTable({rate: cells for rate, cells in PACK.similarity.items() if rate != missing})
    with pytest.raises(CalibrationError, match=name):
        assembler(thresholds=Thresholds(ThresholdTable({}), table))


def test_an_identify_rate_that_nothing_supports_only_silences_suspicion() -> None:
    table = ThresholdTable({rate: cells for rate, cells in PACK.similarity.items() if rate != "1e-4"})
    some = assembler(thresholds=Thresholds(ThresholdTable({}), table))
    identify = evidence(some, received("a", "2026-11-24T07:00"), finding(), 0, History()).identify
    assert identify is not None
    assert (identify.similarity, identify.source) == (None, "none")


Z_TABLE = ThresholdTable({"1e-3": {"1/3": 2.0}, "1e-2": {"1/1": 0.0, "1/2": 0.2, "1/3": 0.1}})


def normalised(claimed: float | None, best: float | None) -> FaceFinding:
    plain = finding(agreement=0.8)
    assert plain.claimed is not None
    others = (replace(plain.others[0], normalised=best), plain.others[1])
    return replace(plain, claimed=replace(plain.claimed, normalised=claimed), others=others)


def test_accept_and_review_are_in_one_scale_and_agreement_stays_a_cosine() -> None:
    some = assembler(thresholds=Thresholds(SNAPSHOT, PACK, Z_TABLE))
    seen = evidence(some, received("a", "2026-11-24T07:00"), normalised(2.2, 1.0), 0, History())
    shown = [(t.similarity, t.scale) for t in (seen.accept, seen.review, seen.identify, seen.agree) if t]
    assert shown == [(2.0, "as-norm"), (0.1, "as-norm"), (0.6, "cosine"), (0.31, "cosine")]


def test_without_a_z_of_the_claimed_person_the_cosine_table_serves() -> None:
    some = assembler(thresholds=Thresholds(SNAPSHOT, PACK, Z_TABLE))
    seen = evidence(some, received("a", "2026-11-24T07:00"), normalised(None, None), 0, History())
    assert [t.scale for t in (seen.accept, seen.review, seen.identify) if t] == ["cosine"] * 3


def test_a_review_rate_alone_does_not_make_a_second_scale() -> None:
    only_review = ThresholdTable({"1e-2": {"1/3": 0.1}, "1e-3": {"1/3": None}})
    some = assembler(thresholds=Thresholds(SNAPSHOT, PACK, only_review))
    seen = evidence(some, received("a", "2026-11-24T07:00"), normalised(2.2, 1.0), 0, History())
    assert [t.scale for t in (seen.accept, seen.review) if t] == ["cosine", "cosine"]
