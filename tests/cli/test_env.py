"""`clues env`: what a bug report needs, and nothing about who reports."""

from __future__ import annotations

import getpass
import os
import platform
from pathlib import Path


def test_it_names_versions_and_sizes(clues):
    facts = clues("env", "--json").facts
    assert facts["schema_version"] == 1
    assert facts["python"] == platform.python_version()
    assert all(facts[name][0].isdigit() for name in ("clues", "torch", "transformers", "peft", "flwr"))
    assert facts["cpus"] == os.cpu_count()
    assert facts["memory_bytes"] > 2**28


def test_it_names_no_host_no_user_and_no_folder(clues, monkeypatch):
    monkeypatch.setenv("CLUES_HOME", "/somewhere/private")
    for called in (clues("env"), clues("env", "--json")):
        assert "$CLUES_HOME" in called.out
        hidden = {"/somewhere", str(Path.home()) if str(Path.home()) != "/" else "/home", platform.node()}
        assert not [text for text in hidden - {""} if text in called.out]
        assert f"/{getpass.getuser()}" not in called.out
