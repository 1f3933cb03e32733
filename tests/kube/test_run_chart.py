"""The table of `make chart-test`: a missing part is a skip with its reason, never a pass."""

from __future__ import annotations

import pytest

from dev.kube.parts import missing_part
from hadir.core.errors import SetupError
from tests.helm.rendering import missing_helm, rendered_text
from tests.kube.run_chart import CHECKS, Result, check, kubeconform, status_of

needs_helm = pytest.mark.skipif(missing_helm() is not None, reason=str(missing_helm()))
needs_kubeconform = pytest.mark.skipif(missing_part("kubeconform") is not None, reason=str(missing_part("kubeconform")))


def test_a_missing_part_is_a_skip_with_its_reason_and_fails_nothing() -> None:
    def missing(_: str) -> list[str]:
        raise SetupError("no kubeconform in .cache/kube/bin")

    result = check("cpu", "kubeconform", {"kubeconform": missing})
    assert result == Result("cpu", "kubeconform", skipped="no kubeconform in .cache/kube/bin")
    assert status_of([result]) == 0


def test_one_fault_of_one_profile_fails_the_whole() -> None:
    good = check("cpu", "policy", {"policy": lambda _: []})
    bad = check("gpu", "policy", {"policy": lambda profile: [f"{profile}: may run as root"]})
    assert bad.faults == ("gpu: may run as root",)
    assert (status_of([good]), status_of([good, bad])) == (0, 4)


@needs_helm
@needs_kubeconform
def test_kubeconform_finds_what_the_schemas_of_ours_find() -> None:
    text = rendered_text("cpu")
    assert kubeconform(text) == []
    (fault,) = kubeconform(text.replace("enableServiceLinks:", "enableServiceLink:", 1))
    assert "enableServiceLink" in fault


@needs_helm
def test_every_check_passes_on_the_profile_of_a_processor() -> None:
    for name in CHECKS:
        result = check("cpu", name)
        assert result == Result("cpu", name, skipped=result.skipped)
