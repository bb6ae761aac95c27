"""The README's table of the main job's figures."""

from __future__ import annotations

from typing import Any

from clues_research.places import README

BEGIN, END = "<!-- figures: made by `make figures` -->", "<!-- end of figures -->"
HOWS = ("federated", "merged")
ARMS = ("mixed", "clues", "oracle")
EPOCHS = ("clues-epoch", "oracle-epoch")
"""As many passes over their rows as mixed makes, not as many steps."""
KINDS = ("cut", "deletion", "exchange")
POOLED = "selection.all_seeds"
FIGURES = [
    ("selection: AUC", "selection.auc", "selection.auc_"),
    *[(f"AUC, {kind}", f"selection.kinds.{kind}.auc", f"selection.kinds.{kind}.auc_") for kind in KINDS],
    ("clean rows kept (`conformal`, α = 0.1)", "selection.recall", f"{POOLED}.conformal.recall_"),
    ("precision", "selection.precision", f"{POOLED}.conformal.precision_"),
    ("F1", "selection.f1", ""),
    (
        "good among the dropped (`fdr`, q = 0.1)",
        "selection.rules.fdr.good_among_dropped",
        f"{POOLED}.fdr.good_among_dropped_",
    ),
    ("published score, best of four: AUC", "selection.published.auc", ""),
    ("published score, best of four: F1", "selection.published.f1", ""),
    ("clean rows of a source without anchors kept", "selection.unseen.kept_share", ""),
    *[
        (f"test NLL, {arm}, {how}", f"models.{arm}.{how}.test_nll", "")
        for arm in ("base", *ARMS, *EPOCHS)
        for how in HOWS
    ],
    *[(f"right answer chosen, {arm}", f"models.{arm}.federated.choice_accuracy", "") for arm in ("base", *ARMS)],
]
"""Name, place in a seed's metrics and in their mean, and place of the mean's interval."""


def table(figures: dict[str, Any]) -> str:
    """The README's table: one line a figure, every seed, the mean, and its interval where there is one."""
    seeds, mean = figures["seeds"], figures["mean"]
    head = f"| figure | {' | '.join(f'seed {s}' for s in seeds)} | mean | 95 % interval |"
    rule = f"|---|{'---|' * (len(seeds) + 2)}"
    lines = [line(name, [find(m, path) for m in seeds.values()], mean, path, ends) for name, path, ends in FIGURES]
    for how in HOWS:
        values, path = [m["gap_closed"].get(how) for m in seeds.values()], f"gap_closed.{how}"
        lines.append(line(f"gap from mixed to Oracle closed, {how}", values, mean, f"{path}.closed", f"{path}."))
    return "\n".join([head, rule, *lines])


def line(name: str, values: list[float | None], mean: dict[str, Any], path: str, ends: str) -> str:
    """One line of the table; a dash where there is no number. `ends`: what `low` and `high` are added to."""
    shown = ["–" if v is None else f"{v:.3f}" for v in [*values, find(mean, path)]]
    low, high = (find(mean, ends + end) for end in ("low", "high"))
    between = "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
    return f"| {name} | {' | '.join(shown)} | {between} |"


def find(tree: Any, path: str) -> float | None:
    """The number at a dotted path, or None."""
    for key in path.split("."):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def put_into_readme(text: str) -> None:
    """Replace what stands between the README's two marks."""
    readme = README.read_text()
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
