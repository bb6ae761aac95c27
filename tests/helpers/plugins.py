"""Packages installed for real: a module and a dist-info folder, which importlib.metadata reads, on sys.path."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "PLUGINS.md").read_text(encoding="utf-8")


def documented(title: str) -> tuple[str, str, str]:
    """Name, code and pyproject of the package in the section `title` of docs/PLUGINS.md."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    (name,) = re.findall(r"^.*`(\w+)\.py`:$", section, re.M)
    (code,) = re.findall(r"^```python\n(.*?)^```", section, re.M | re.S)
    (project,) = re.findall(r"^```toml\n(.*?)^```", section, re.M | re.S)
    return name, code, project


def install(site: Path, patch: pytest.MonkeyPatch, name: str, code: str, project: str) -> None:
    """What `pip install` leaves of a package with one module, in a folder that is put on sys.path."""
    about = tomllib.loads(project)["project"]
    info = site / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
    info.mkdir(parents=True)
    (site / f"{name}.py").write_text(code)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n")
    groups = about["entry-points"].items()
    lines = [f"[{group}]\n" + "".join(f"{n} = {value}\n" for n, value in points.items()) for group, points in groups]
    (info / "entry_points.txt").write_text("\n".join(lines))
    patch.syspath_prepend(str(site))
    patch.delitem(__import__("sys").modules, name, raising=False)


def project(name: str, group: str, points: dict[str, str]) -> str:
    """A pyproject with entry points."""
    lines = "".join(f'{key} = "{value}"\n' for key, value in points.items())
    return f'[project]\nname = "{name}"\nversion = "1.0"\n[project.entry-points."{group}"]\n{lines}'
