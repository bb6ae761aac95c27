"""Arms by name and back, and the names that files have had since the first run."""

from __future__ import annotations

import pytest

from clues.folders.arm import CLUES, MIXED, ORACLE, Arm, Combined, Merge

USUAL = Merge("linear", "samples")


@pytest.mark.parametrize(
    ("name", "arm"),
    [
        ("mixed", MIXED),
        ("clues", CLUES),
        ("oracle", ORACLE),
        ("clues-epoch", Arm("kept", equal_epochs=True)),
        ("oracle-epoch", Arm("clean", equal_epochs=True)),
    ],
)
def test_an_arm_is_its_name(name: str, arm: Arm) -> None:
    assert Arm.parse(name) == arm
    assert arm.name == name


@pytest.mark.parametrize("name", ["", "base", "kept", "Clues", "clues-", "clues-epoch-epoch", "-epoch", "mixed-merged"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no arm; arms are mixed, clues, oracle"):
        Arm.parse(name)


def test_files_keep_their_names() -> None:
    assert Combined(MIXED).name(USUAL) == "mixed-federated"
    assert Combined(CLUES, USUAL).name(USUAL) == "clues-merged"
    assert Combined(CLUES, Merge("ties", "samples")).name(USUAL) == "clues-merged-ties-samples"
    assert Combined(Arm("kept", equal_epochs=True), USUAL).name(Merge("ties", "uniform")) == (
        "clues-epoch-merged-linear-samples"
    )
