"""docs/FORMATS.md against the files of a real run and of one owner's scoring, both ways."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

from clues.config import SelectionSettings
from clues.federated.roll import Roll
from clues.federated.run import run_job
from clues.folders.owner import OwnerFolder
from clues.folders.run import FlowerRun, RunFolder
from clues.owner.score import score_file
from clues.progress import Progress
from clues.report.audit import start_audit
from clues.report.owner import write_owner_report
from clues.selection.seen import with_a_say
from tests.helpers.tiny import tiny_job

PAGE = (Path(__file__).parents[1] / "docs" / "FORMATS.md").read_text(encoding="utf-8")
RUN, OWNER = "A run's folder", "An owner's folder"
WIDE = ("channel", "parameter", "path", "file", "field", "device", "suffix")
"""Placeholders that may hold dots and slashes; others are one name."""
ONLY_SOMETIMES = {"decisions.jsonl", "errors.log", "replies/<client>.safetensors", "flower.json"}


def read_sections() -> dict[str, list[str]]:
    """Heading -> the names in the first column of its table."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in PAGE.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ").strip("`")
        elif line.startswith("| `"):
            found.setdefault(heading, []).extend(re.findall(r"`([^`]+)`", line.split(" | ")[0]))
    return found


SECTIONS = read_sections()


def pattern(name: str) -> str:
    """A documented name as a regular expression."""

    def part(text: str) -> str:
        if not text.startswith("<"):
            return re.escape(text)
        if text in SECTIONS:
            return f"(?:{'|'.join(map(pattern, SECTIONS[text]))})"
        return ".+" if text[1:-1] in WIDE else "[^./]+"

    return "".join(map(part, re.split(r"(<[^>]+>)", name)))


def leaves(value: Any, name: str = "") -> Iterator[str]:
    """The dotted name of everything in a tree; an empty object has nothing to name."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{name}.{key}" if name else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for part in value:
            yield from leaves(part, f"{name}[]")
    else:
        yield name


def names_in(file: Path) -> set[str]:
    """Columns, fields or tensors of a file."""
    match file.suffix:
        case ".csv":
            return set(file.read_text().partition("\n")[0].split(",")) - {""}
        case ".parquet":
            return set(pq.read_schema(file).names)
        case ".safetensors":
            with safe_open(file, "pt") as tensors:
                return set(tensors.keys())
        case ".toml":
            return set(leaves(tomllib.loads(file.read_text())))
        case ".json":
            return set(leaves(json.loads(file.read_text())))
    return {name for line in file.read_text().splitlines() for name in leaves(json.loads(line))}


def labelled(file: str) -> str:
    """Rows with short answers, as a file holds them beside free text."""
    rows = [{"question": f"Yes or no: is {file} {i} long?", "answer": ("Yes", "No")[i % 2]} for i in range(8)]
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path]:
    """A run of two clients, half of their rows dropped, and one owner's full scoring of a file with a bad line."""
    base = tmp_path_factory.mktemp("formats")
    job = tiny_job(base, selection=SelectionSettings(rule="ratio"))
    job = replace(job, sample=replace(job.sample, kinds=("cut", "exchange", "typos")))
    run, out, mine = base / "run", base / "out", base / "mine.jsonl"
    run_job(job, run, Progress(run / "events.jsonl"), engine="in-process")
    RunFolder(run).flower.write(FlowerRun(7))  # as in a deployment
    Roll(RunFolder(run), 1).failed("gard", "base", "bad-reply", "there is no row")  # as if there had been one
    mine.write_text((run / "clients" / "gard" / "data.jsonl").read_text() + labelled("mine") + "no json\n")
    columns = {"prompt": "question", "response": "answer"}
    for name in ("validation.jsonl", "anchors.jsonl"):
        (base / name).write_text((run / "public" / name).read_text() + labelled(name))
    owner = replace(job, name="score")
    progress = Progress(out / "events.jsonl")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "clues.selection.bar.with_a_say", lambda criteria, *seen: (criteria, with_a_say(criteria, *seen)[1])
        )
        score_file(mine, base / "validation.jsonl", base / "anchors.jsonl", out, owner, progress, columns=columns)
    start_audit(OwnerFolder(out))
    write_owner_report(out, include_text=False)
    return run, out


def files_of(folder: Path) -> dict[str, Path]:
    return {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file()}


def files_by_table(folders: tuple[Path, Path]) -> dict[str, set[str]]:
    """Heading of a table of files -> the files that it must name."""
    run, out = folders
    clients = list((run / "clients").iterdir())
    return {RUN: set(files_of(run)), OWNER: {name for f in (out, *clients) for name in files_of(f)}}


@pytest.mark.parametrize("table", [RUN, OWNER])
def test_every_file_is_documented_and_every_documented_file_exists(folders, table):
    files, documented = files_by_table(folders)[table], SECTIONS[table]
    assert [file for file in files if not any(re.fullmatch(pattern(d), file) for d in documented)] == []
    missing = [d for d in documented if not any(re.fullmatch(pattern(d), file) for file in files)]
    assert set(missing) - ONLY_SOMETIMES == set()


@pytest.mark.parametrize(("table", "kind"), [(RUN, RunFolder), (OWNER, OwnerFolder)])
def test_the_classes_name_the_files_that_are_documented(table, kind):
    """Every name of the class, with what lies in its folders; and no file stands on the page that no class names."""
    names, documented = kind.names(), SECTIONS[table]
    folders = tuple(name for name in names if name.endswith("/"))
    assert [d for d in documented if d not in names and not d.startswith(folders)] == []
    assert [
        n for n in names if n not in documented and not (n in folders and any(d.startswith(n) for d in documented))
    ] == []


JUDGED = {"judge.json", "judgements.jsonl", "replies/<key>.json"}
"""Files of `clues judge`, which needs an endpoint: tests/cli/test_judge.py holds them against the page."""
ANSWERED = {"settings.json", "<model>.jsonl"}
"""Files of `clues generate`: tests/cli/test_generate.py holds them against the page."""
REPRODUCED = [h for h in SECTIONS if h.startswith("docs/reproduction/")]
DESCRIBED = [h for h in SECTIONS if "." in h and h not in {"decisions.jsonl", *JUDGED, *ANSWERED, *REPRODUCED}]


@pytest.mark.parametrize("heading", DESCRIBED)
def test_every_field_is_documented_and_every_documented_field_exists(folders, heading):
    place = re.compile(rf"(?:.*/)?{pattern(heading)}")
    files = [file for folder in folders for name, file in files_of(folder).items() if place.fullmatch(name)]
    assert files
    found = set().union(*map(names_in, files))
    documented = SECTIONS[heading]
    assert sorted(name for name in found if not any(re.fullmatch(pattern(d), name) for d in documented)) == []
    assert [d for d in documented if not any(re.fullmatch(pattern(d), name) for name in found)] == []


def test_every_table_and_object_is_described(folders):
    kinds = (".json", ".jsonl", ".parquet")
    skipped = re.compile(r".*(?:adapter_config\.json|/public/.*|data\.jsonl|kept\.jsonl)")  # PEFT's, or the owner's own
    for folder in folders:
        for name, file in files_of(folder).items():
            if file.suffix in kinds and not skipped.fullmatch(f"/{name}"):
                assert any(re.fullmatch(rf"(?:.*/)?{pattern(h)}", name) for h in DESCRIBED), name


@pytest.mark.parametrize("heading", REPRODUCED)
def test_the_reproduction_s_committed_files_are_documented(heading):
    root = Path(__file__).parents[1]
    files = [
        file
        for file in root.glob("docs/reproduction/**/*")
        if re.fullmatch(pattern(heading), str(file.relative_to(root)))
    ]
    found = set().union(*map(names_in, files))
    documented = SECTIONS[heading]
    assert files
    assert sorted(name for name in found if not any(re.fullmatch(pattern(d), name) for d in documented)) == []
    assert [d for d in documented if not any(re.fullmatch(pattern(d), name) for name in found)] == []
