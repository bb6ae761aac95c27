"""What a job trains, merges and measures, and under which names."""

from __future__ import annotations

from clues.config import CollaborationSettings
from clues.federated.plan import Plan
from clues.folders.arm import MIXED, Arm, Merge


def names(labelled: bool = True, **settings) -> list[str]:
    plan = Plan(CollaborationSettings(**settings), labelled)
    return [one.name(plan.usual) for one in plan.adapters]


def test_every_arm_is_federated_and_merged_in_both_ways() -> None:
    assert names(arms=("mixed", "clues")) == [
        "mixed-federated",
        "clues-federated",
        "mixed-merged",
        "mixed-merged-ties-samples",
        "clues-merged",
        "clues-merged-ties-samples",
    ]


def test_the_warm_up_is_measured_whether_or_not_it_is_an_arm() -> None:
    assert names(arms=("clues",)) == ["mixed-federated", "clues-federated", "clues-merged", "clues-merged-ties-samples"]


def test_without_labels_there_is_no_oracle() -> None:
    assert not any("oracle" in name for name in names(labelled=False))
    assert any("oracle" in name for name in names())


def test_for_the_figures_the_kept_rows_are_merged_with_all_weights_and_epochs_are_made_equal() -> None:
    plan = Plan(CollaborationSettings(compare=True, equal_epochs=True, merge="ties", weights="uniform"), True)
    assert [arm.name for arm in plan.federated] == ["mixed", "clues", "oracle", "clues-epoch", "oracle-epoch"]
    assert {merge.weights for merge in plan.merges(Arm("kept"))} == {"uniform", "samples", "adaptive"}
    assert {merge.weights for merge in plan.merges(MIXED)} == {"uniform"}
    assert plan.merges(Arm("kept", equal_epochs=True)) == [Merge("ties", "uniform")]
    assert len(set(plan.adapters)) == len(plan.adapters)
