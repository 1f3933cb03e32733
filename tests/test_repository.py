"""What a reader of the repository may rely on: links, names, sizes, locks, and nothing of anybody's machine."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from hadir.app.cli import application
from tests.source_tree import CODE, ROOT, source_files

LONGEST_LINES = 300

HOSTS = [".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("maven", "org"), ("npmjs", "org"))]
FOLDERS = ["work/", "root/", r"home/(?!hadir\b)", "Users/"]  # the container's user has a home as well
FOREIGN = re.compile(
    "|".join(
        [
            *(rf"(?<![\w.{{}}\]$*-])/{folder}\w" for folder in FOLDERS),
            *(re.escape(host) for host in HOSTS),
            *(word + "-url" for word in ("index", "extra-index")),
        ]
    ).encode()
)
"""Absolute paths of a machine, hosts of package registries, addresses of an index; put together so that this file does
not hold them."""

ALLOWED = {
    "dev/lock.sh": {"-".join(("index", "url")).encode()},
}


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def modules() -> Iterator[tuple[str, ast.Module]]:
    for name in source_files(*CODE, "dev", "benchmarks"):
        if name.endswith(".py") and (ROOT / name).stat().st_size:
            yield name, ast.parse(text_of(name))


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = {
        name: match.group().decode()
        for name in source_files()
        for match in FOREIGN.finditer((ROOT / name).read_bytes())
        if match.group() not in ALLOWED.get(name, ())
    }
    assert found == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name, tree in modules() if not ast.get_docstring(tree)] == []


def test_every_public_name_of_the_code_is_in_a_sorted_list() -> None:
    for name, tree in modules():
        if not name.startswith(CODE):
            continue
        (listed,) = (
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]
        )
        assert listed == sorted(listed, key=_as_ruff_sorts), name
        public = {
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        }
        assert public - set(listed) - _of_the_command_line(name, public) == set(), name


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2), name


def _of_the_command_line(name: str, public: set[str]) -> set[str]:
    """Functions that typer gets from `register`: nobody imports them."""
    return public if name.startswith("app/cli_") else set()


def test_no_code_file_is_longer_than_a_reader_can_hold() -> None:
    long = {name: n for name in source_files(*CODE) if name.endswith(".py") and (n := text_of(name).count("\n")) > 300}
    assert long == {}


def test_decisions_are_numbered_in_sequence_and_say_their_number() -> None:
    names = [Path(name).name for name in source_files("docs/adr")]
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    for number, name in enumerate(names, start=1):
        assert text_of(f"docs/adr/{name}").startswith(f"# {number}. "), name


@pytest.mark.parametrize(
    "path",
    ["var/photos/x", "photos/a-0001/one.jpg", "my-site/roster.csv", "site.toml", "runs/x/ledger.db", "selfie.jpg"],
)
def test_what_a_site_keeps_beside_the_code_is_never_added_to_git(path: str) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout: nothing can be added")
    assert subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, check=False).returncode == 0


def pages() -> list[str]:
    return [name for name in source_files() if name.endswith(".md")]


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page}: {target}"
        for page in pages()
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text_of(page))
        if "://" not in target and not (ROOT / page).parent.joinpath(target).exists()
    ]
    assert broken == []


def test_files_that_pages_name_are_there() -> None:
    """In the tables of docs/architecture.md above all: a newcomer looks for a rule by file."""
    folders = "|".join((*CODE, "docs", "dev", "configs", "tests", "benchmarks"))
    broken = [
        f"{page}: {path}"
        for page in pages()
        for path in re.findall(rf"`((?:{folders})/[\w./*-]+)`", text_of(page))
        if not any(ROOT.glob(path.rstrip("/")))
    ]
    assert broken == []


def test_recipes_that_pages_name_are_in_the_makefile() -> None:
    source_files()
    targets = set(re.findall(r"^([a-z][a-z-]*):", text_of("Makefile"), re.MULTILINE))
    named = {
        target
        for page in pages()
        for line in re.findall(r"(?:^|`|&& )make ((?:[a-z][a-z-]* ?)+)", text_of(page), re.MULTILINE)
        for target in line.split()
    }
    assert named >= {"demo", "test", "check", "setup"}
    assert named - targets == set()


def test_commands_that_pages_name_exist() -> None:
    source_files()
    top = typer.main.get_command(application())
    for page in pages():
        for line in re.findall(r"(?:^|`|bin/)hadir ([a-z-]+(?: [a-z][a-z-]*)?)", text_of(page), re.MULTILINE):
            name, *below = line.split()
            command = top.commands.get(name)  # type: ignore[attr-defined]  # a group
            assert command is not None, f"{page}: hadir {line}"
            if children := getattr(command, "commands", None):
                assert below, f"{page}: hadir {line}"
                assert below[0] in children, f"{page}: hadir {line}"


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_pins_every_package_by_hash_and_names_no_index(lock: str) -> None:
    source_files()
    blocks = re.split(r"\n(?=\S)", re.sub(r"(?m)^#.*\n", "", text_of(lock)).strip())
    for block in blocks:
        assert re.match(r"[a-z0-9._-]+(\[[a-z0-9,]+\])?==", block, re.IGNORECASE), block.splitlines()[0]
        assert "--hash=sha256:" in block, block.splitlines()[0]
    assert "://" not in text_of(lock)
    assert not re.search(r"^-", text_of(lock), re.MULTILINE)


def test_the_lock_holds_what_the_project_asks_for() -> None:
    source_files()
    asked = tomllib.loads(text_of("pyproject.toml"))["project"]["dependencies"]
    names = {re.split(r"[\[<>=;, ]", requirement)[0].lower() for requirement in asked}
    locked = set(re.findall(r"^([a-z0-9._-]+)", text_of("requirements.lock"), re.MULTILINE))
    assert names - locked == set()
