"""A policy that refuses what it does not understand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from hadir.attendance.policy import Policy, load_policy
from hadir.core.errors import ConfigError
from hadir.core.verdict import Outcome

HEAD = 'name = "test"\nversion = "7"\nvalid_from = 2026-01-01\n'


def load(path: Path, text: str, head: str = HEAD) -> Policy:
    file = path / "policy.toml"
    file.write_text(head + text)
    return load_policy(file)


def test_what_is_not_stated_is_as_the_contract_says(tmp_path: Path) -> None:
    policy = load(tmp_path, "")
    assert policy == Policy(
        name="test",
        version="7",
        valid_from=date(2026, 1, 1),
        accept_fmr=1e-3,
        review_fmr=1e-2,
        identify_fmr=1e-4,
        clock_skew_limit_s=300,
        accuracy_limit_m=100,
        reported_late_after_h=24,
        mismatches_before_review=3,
        fingerprint=Outcome.ACCEPTED,
        paper=Outcome.REVIEW,
    )
    assert policy.id == "test/7"


def test_every_key_can_be_set(tmp_path: Path) -> None:
    policy = load(
        tmp_path,
        "[rates]\naccept_fmr = 1e-4\nreview_fmr = 1e-3\nidentify_fmr = 1e-5\n"
        "[limits]\nclock_skew_limit_s = 60\naccuracy_limit_m = 50.5\nreported_late_after_h = 48\n"
        'mismatches_before_review = 2\n[channels]\nfingerprint = "review"\npaper = "accepted"\n',
    )
    assert (policy.accept_fmr, policy.review_fmr, policy.identify_fmr) == (1e-4, 1e-3, 1e-5)
    assert (policy.clock_skew_limit_s, policy.accuracy_limit_m, policy.reported_late_after_h) == (60, 50.5, 48)
    assert policy.mismatches_before_review == 2
    assert (policy.fingerprint, policy.paper) == (Outcome.REVIEW, Outcome.ACCEPTED)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[rates]\nacept_fmr = 1e-3\n", "key rates.acept_fmr is unknown, did you mean rates.accept_fmr?"),
        ("[limitz]\n", "key limitz is unknown"),
        ("colour = 1\n", "key colour is unknown, expected one of name, version, valid_from"),
        ("rates = 3\n", "rates is not a table"),
        ("[rates]\naccept_fmr = 0.003\n", "accept_fmr: rate 0.003 is not one that tables hold"),
        ("[rates]\naccept_fmr = nan\n", "accept_fmr is nan, expected a false match rate"),
        ("[rates]\nreview_fmr = inf\n", "review_fmr is inf, expected a false match rate"),
        ("[rates]\naccept_fmr = 2e-2\n", "do not ascend"),
        ("[rates]\nidentify_fmr = 1e-2\n", "do not ascend"),
        ('[rates]\naccept_fmr = "1e-3"\n', "rates.accept_fmr is '1e-3', expected a number"),
        ("[rates]\naccept_fmr = true\n", "rates.accept_fmr is 'True', expected a number"),
        ("[limits]\nclock_skew_limit_s = 0\n", "clock_skew_limit_s is 0, expected 1 to 86400"),
        ("[limits]\nclock_skew_limit_s = nan\n", "clock_skew_limit_s is nan"),
        ("[limits]\naccuracy_limit_m = 10001\n", "accuracy_limit_m is 10001, expected 1 to 10000"),
        ("[limits]\nmismatches_before_review = 2.5\n", "expected a whole number"),
        ("[limits]\nmismatches_before_review = 0\n", "mismatches_before_review is 0, expected 1 to 100"),
        ('[channels]\npaper = "rejected"\n', "channels.paper is 'rejected', expected accepted or review"),
        ("[channels]\npaper = 1\n", "channels.paper is '1'"),
        ("[", "is not TOML"),
    ],
)
def test_a_bad_policy_is_refused_with_the_name_of_its_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert words in str(caught.value)
    assert "policy.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ('name = "test"\nvalid_from = 2026-01-01\n', "version is missing"),
        (HEAD.replace('"7"', "7"), "version is '7', expected a text"),
        (HEAD.replace('"7"', '"a/b"'), "version is 'a/b'"),
        (HEAD.replace("2026-01-01", '"2026-01-01"'), "valid_from is '2026-01-01', expected a date"),
        (HEAD.replace("2026-01-01", "2026-01-01T00:00:00"), "valid_from is"),
    ],
)
def test_a_policy_without_its_identity_is_refused(tmp_path: Path, head: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load(tmp_path, "", head)


def test_a_policy_is_not_in_force_before_its_day(tmp_path: Path) -> None:
    policy = load(tmp_path, "")
    policy.require_in_force(date(2026, 1, 1))
    with pytest.raises(ConfigError, match="policy test/7 holds from 2026-01-01, today is 2025-12-31"):
        policy.require_in_force(date(2025, 12, 31))
