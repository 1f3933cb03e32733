"""Distances on the sphere, and what a fix with its accuracy can prove."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.attendance.geofence import EARTH_RADIUS_M, Fence, haversine_m, judge, nearest
from hadir.attendance.sites import Site
from hadir.core.check_in import Fix
from hadir.core.evidence import Place

LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)
POINTS = st.tuples(LATITUDES, LONGITUDES)
METRES = st.floats(0, 1e6)
ANY = st.floats(allow_nan=True, allow_infinity=True)
DEGREE_M = math.pi * EARTH_RADIUS_M / 180


@pytest.mark.parametrize(
    ("a", "b", "metres"),
    [
        ((0, 0), (0, 1), DEGREE_M),
        ((0, 113), (1, 113), DEGREE_M),
        ((60, 0), (60, 0.01), DEGREE_M * 0.01 * math.cos(math.radians(60))),
        ((0, 179.9995), (0, -179.9995), DEGREE_M * 0.001),
        ((-9.4, 180), (-9.4, -180), 0),
        ((90, 12), (90, -77), 0),
        ((89.9995, 0), (89.9995, 180), DEGREE_M * 0.001),
        ((90, 0), (-90, 0), math.pi * EARTH_RADIUS_M),
        ((-16.81199803224885, -78.5), (16.81199803224885, 101.5), math.pi * EARTH_RADIUS_M),
    ],
)
def test_known_distances_also_at_the_antimeridian_and_the_poles(
    a: tuple[float, float], b: tuple[float, float], metres: float
) -> None:
    assert haversine_m(*a, *b) == pytest.approx(metres, rel=1e-6, abs=1e-3)


@given(POINTS, POINTS)
def test_distance_is_symmetric_and_at_most_half_the_circumference(
    a: tuple[float, float], b: tuple[float, float]
) -> None:
    assert haversine_m(*a, *b) == pytest.approx(haversine_m(*b, *a), abs=1e-3)
    assert 0 <= haversine_m(*a, *b) <= math.pi * EARTH_RADIUS_M


@given(POINTS, POINTS, POINTS)
def test_a_detour_is_never_shorter(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> None:
    assert haversine_m(*a, *c) <= haversine_m(*a, *b) + haversine_m(*b, *c) + 1


@given(POINTS, POINTS)
def test_a_full_turn_of_longitude_changes_nothing(a: tuple[float, float], b: tuple[float, float]) -> None:
    assert haversine_m(*a, b[0], b[1] + 360) == pytest.approx(haversine_m(*a, *b), abs=1e-3)


@pytest.mark.parametrize(
    ("distance_m", "accuracy_m", "fence"),
    [
        (80, 20, Fence.INSIDE),
        (80.001, 20, Fence.UNCERTAIN),
        (120, 20, Fence.UNCERTAIN),
        (120.001, 20, Fence.OUTSIDE),
        (0, 50, Fence.INSIDE),
        (0, 50.001, Fence.UNCERTAIN),
        (100, 0, Fence.INSIDE),
        (100_000, 5_000, Fence.OUTSIDE),
        (0, -1, Fence.UNCERTAIN),
        (101, -5, Fence.UNCERTAIN),
    ],
)
def test_only_a_whole_accuracy_circle_is_inside_or_outside(distance_m: float, accuracy_m: float, fence: Fence) -> None:
    assert judge(Place("s", distance_m, 100), accuracy_m, accuracy_limit_m=50) is fence


@given(ANY, ANY, ANY, st.sampled_from(["distance", "accuracy", "radius"]))
def test_nan_is_neither_inside_nor_outside(distance_m: float, accuracy_m: float, radius_m: float, nan: str) -> None:
    place = Place("s", math.nan if nan == "distance" else distance_m, math.nan if nan == "radius" else radius_m)
    assert judge(place, math.nan if nan == "accuracy" else accuracy_m, 100) is Fence.UNCERTAIN


@given(ANY, ANY)
def test_a_fix_of_any_floats_gives_a_place(latitude_deg: float, longitude_deg: float) -> None:
    place = nearest(Fix(latitude_deg, longitude_deg, 5), [Site("s", "S", -9.4, 113.4, 100)])
    assert place is not None
    on_earth = abs(latitude_deg) <= 90 and math.isfinite(longitude_deg)
    assert math.isnan(place.distance_m) is not on_earth


@given(POINTS, METRES, st.lists(st.tuples(POINTS, st.floats(5, 5000)), min_size=1, max_size=5))
def test_the_nearest_fence_decides_for_all_sites(
    point: tuple[float, float], accuracy_m: float, circles: list[tuple[tuple[float, float], float]]
) -> None:
    sites = [Site(str(n), "S", *centre, radius_m) for n, (centre, radius_m) in enumerate(circles)]
    each = {
        judge(Place(s.id, haversine_m(*point, s.latitude_deg, s.longitude_deg), s.radius_m), accuracy_m, 1e9)
        for s in sites
    }
    place = nearest(Fix(*point, accuracy_m), sites)
    assert place is not None
    expected = next(f for f in (Fence.INSIDE, Fence.UNCERTAIN, Fence.OUTSIDE) if f in each)
    margin = abs(abs(place.distance_m - place.radius_m) - accuracy_m)
    assert judge(place, accuracy_m, 1e9) is expected or margin < 1e-6


def test_without_sites_there_is_no_place() -> None:
    assert nearest(Fix(-9.4, 113.4, 5), []) is None


def test_of_two_sites_the_one_whose_fence_is_nearer_is_taken_not_the_one_whose_centre_is() -> None:
    wide, narrow = Site("wide", "W", 0, 0.02, 2000), Site("narrow", "N", 0, 0.009, 50)
    place = nearest(Fix(0, 0, 5), [narrow, wide])
    assert place is not None
    assert place.site == "wide"
