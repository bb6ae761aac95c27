"""What the documents say is so: commands, settings and links exist, and every module has its line."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

import clues
from clues.cli.main import COMMANDS, app
from clues.config.reading import job_from_dict

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted([*(ROOT / "docs").rglob("*.md"), *(ROOT / "research").glob("*.md")]),
]
NAMES = {command.__name__ for command in COMMANDS}


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """The README's fenced blocks of one language."""
    return re.findall(rf"^```{kind}\n(.*?)^```", README, re.M | re.S)


def command_lines() -> list[str]:
    return re.findall(r"^    (clues .*)$", README, re.M)


def test_the_readme_shows_commands():
    assert len(command_lines()) > 10
    assert {line.split()[1] for line in command_lines()} >= {"check", "score", "select", "run", "merge", "corrupt"}


@pytest.mark.parametrize("line", command_lines())
def test_a_command_in_the_readme_has_options_that_exist(line):
    app.parse_args(shlex.split(line)[1:], print_error=False, exit_on_error=False)


@pytest.mark.parametrize("document", PAGES, ids=lambda document: document.name)
def test_named_commands_and_make_targets_exist(document):
    targets = set(re.findall(r"^([\w-]+):", text_of(ROOT / "Makefile"), re.M))
    assert set(re.findall(r"`clues ([a-z]+)", text_of(document))) <= NAMES
    assert set(re.findall(r"(?:`|^    )make ([\w-]+)", text_of(document), re.M)) <= targets


@pytest.mark.parametrize("document", PAGES, ids=lambda document: document.name)
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text_of(document))
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []


def test_the_job_in_the_readme_is_one():
    (text,) = blocks("toml")
    assert [client.name for client in job_from_dict(tomllib.loads(text), "README.md").clients] == ["gard", "ninds"]


def test_the_python_in_the_readme_uses_the_stable_interface():
    for code in blocks("python"):
        compile(code, "README.md", "exec")
    used = set(re.findall(r"\bclues\.([A-Za-z]\w*)\(", README))
    assert {"score", "select", "merge", "run"} <= used <= set(clues.__all__)


def test_the_figures_have_their_place():
    script = text_of(ROOT / "research" / "src" / "clues_research" / "figures" / "readme_table.py")
    ((begin, end),) = re.findall(r'^BEGIN, END = "(.+)", "(.+)"$', script, re.M)
    _, found, after = README.partition(f"\n{begin}\n")
    assert found
    assert f"\n{end}\n" in after


def test_every_package_has_its_place_and_no_named_module_is_gone():
    source, page = ROOT / "src" / "clues", text_of(ROOT / "docs" / "ARCHITECTURE.md")
    drawn = page.partition("## Layers")[2].partition("## The way")[0]
    packages = {file.parent.name for file in source.glob("*/__init__.py")}
    assert {name for name in packages if not re.search(rf"\b{name}\b", drawn)} == set()
    named = re.findall(r"(?<![\w./])((?:[a-z_]+/)+[a-z_]+\.py)", page)
    assert named
    assert [name for name in named if not (source / name).exists() and not (ROOT / name).exists()] == []


def test_no_page_is_bound_to_one_machine():
    for page in PAGES:
        assert not re.search(r"(?<![\w.])/(?:root|home|work|tmp|Users)/", text_of(page)), page.name
