"""What the Dockerfile promises: hashes, no source, no compiler, no root, no secret; and that its sources are there."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.container.dockerfile import Ignored, Stage, stages_of
from tests.source_tree import CODE, ROOT, source_files

FINAL = ("cpu", "cuda")


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    source_files("app")  # skips where there is no checkout
    return stages_of((ROOT / "Dockerfile").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def ignored() -> Ignored:
    return Ignored(ROOT / ".dockerignore")


def lineage(stages: dict[str, Stage], name: str) -> list[Stage]:
    """The stage and those that it is built upon."""
    stage = stages[name]
    return [stage, *(lineage(stages, stage.base) if stage.base in stages else [])]


def copies(stage: Stage) -> list[str]:
    """What it copies from the tree, not from other stages."""
    return [source for argument in stage.all("COPY") if "--from=" not in argument for source in argument.split()[:-1]]


def test_there_is_a_target_for_processors_and_one_for_cards_and_the_first_is_the_default(
    stages: dict[str, Stage],
) -> None:
    assert set(FINAL) <= set(stages)
    assert list(stages)[-1] == "cpu"


def test_the_base_is_one_image_pinned_by_its_full_version(stages: dict[str, Stage]) -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^ARG PYTHON_IMAGE=\S+:3\.11\.\d+-slim-\w+$", text, re.MULTILINE)
    assert {stage.base for stage in stages.values()} - set(stages) == {"${PYTHON_IMAGE}"}


def test_every_package_comes_from_a_lock_with_its_hash_and_as_a_wheel(stages: dict[str, Stage]) -> None:
    installs = [run for stage in stages.values() for run in stage.all("RUN") for run in run.split("&&")]
    from_locks = [run for run in installs if "pip install" in run and "/wheels/" not in run]
    assert len(from_locks) == 2
    for run in from_locks:
        assert all(word in run for word in ("--no-deps", "--require-hashes", "--only-binary :all:", "-r /locks/"))
    others = [run for run in installs if "pip" in run and run not in from_locks and "uninstall" not in run]
    assert all("--no-index" in run for run in others if "install" in run or "pip wheel" in run)


def test_the_wheel_is_built_from_every_code_folder_and_nothing_else(stages: dict[str, Stage]) -> None:
    assert {source.strip("/") for source in copies(stages["wheel"])} == {
        *CODE,
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "NOTICE",
    }


@pytest.mark.parametrize("target", FINAL)
def test_what_runs_has_neither_sources_nor_a_compiler_nor_pip(stages: dict[str, Stage], target: str) -> None:
    built = lineage(stages, target)
    assert [source for stage in built for source in copies(stage)] == []
    runs = " ".join(run for stage in built for run in stage.all("RUN"))
    assert "pip uninstall --quiet --yes pip" in runs.replace("python -m ", "")
    installed = re.search(r"apt-get install (?P<words>[^&]*)", runs)
    assert installed is not None
    assert [word for word in installed["words"].split() if not word.startswith("-")] == ["tini"]
    [origin] = [argument for stage in built for argument in stage.all("COPY")]
    made = stages[re.search(r"--from=(\S+)", origin)[1]]  # type: ignore[index]  # it matches, or the test fails
    assert "pip uninstall --quiet --yes pip" in " ".join(made.all("RUN"))


@pytest.mark.parametrize("target", FINAL)
def test_it_runs_as_a_numeric_user_without_rights_and_hears_signals_itself(
    stages: dict[str, Stage], target: str
) -> None:
    built = lineage(stages, target)
    assert [user for stage in built for user in stage.all("USER")] == ["10001:10001"]
    assert [entry for stage in built for entry in stage.all("ENTRYPOINT")] == ['["tini", "--", "hadir"]']
    assert "--chown" not in " ".join(argument for stage in built for argument in stage.all("COPY"))


def test_what_it_copies_is_there_and_the_builder_may_see_it(stages: dict[str, Stage], ignored: Ignored) -> None:
    for source in (source for stage in stages.values() for source in copies(stage)):
        assert (ROOT / source).exists(), source
        assert source.strip("/") not in ignored, source


def test_the_builder_sees_every_file_of_the_wheel_and_nothing_of_a_site(ignored: Ignored) -> None:
    assert [name for name in source_files(*CODE) if name in ignored] == []
    hidden = ("var/ledger.db", "photos/a/1.jpg", "my-site/roster.csv", ".git/config", "runs/run/log.jsonl", ".env")
    tests = ("tests/conftest.py", "dev/postgres.py", "configs/compose/secrets/ledger_password", "helm/hadir/Chart.yaml")
    assert [name for name in (*hidden, *tests) if name not in ignored] == []


def test_a_file_that_no_commit_holds_does_not_come_in_by_its_folder(ignored: Ignored) -> None:
    assert [one for one in ("app/__pycache__/cli.cpython-311.pyc", "actors/x.pyc") if one not in ignored] == []


def test_no_secret_is_built_in(stages: dict[str, Stage]) -> None:
    told = [argument for stage in stages.values() for name in ("ENV", "ARG") for argument in stage.all(name)]
    assert [one for one in told if re.search(r"password|token|secret|key", one, re.IGNORECASE)] == []


def test_the_version_is_that_of_the_package(stages: dict[str, Stage]) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    for target in FINAL:
        assert f"VERSION={version}" in stages[target].all("ARG")
    assert f"hadir:{version}" in (ROOT / "compose.yaml").read_text(encoding="utf-8")
