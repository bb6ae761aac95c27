"""What the page's columns mean, in the order of its glossary."""

from __future__ import annotations

from collections.abc import Mapping

COLUMNS: Mapping[str, tuple[str, str]] = {
    "world": (
        "world",
        "medquad-40: answers about diseases, 40 % of the clients' rows spoiled; casimedicos: doctors' explanations, a "
        "language per client; fiqa: answers from reports and earnings calls",
    ),
    "how": (
        "way",
        "federated: averaged after every round; ties, linear: each client trains alone, then adapters are merged once, "
        "by TIES or by a plain mean; local: each client trains alone and shares nothing, the mean over clients",
    ),
    "merge": ("merge", "ties or linear, as above"),
    "model": ("model", ""),
    "share": ("spoiled", "the share of the clients' rows that we spoiled"),
    "method": ("method", ""),
    "scorer": ("scorer", ""),
    "rule": ("rule", ""),
    "form": ("form", "dot: the inner product of gradients; adam: with Adam's direction on the row's side, as coded"),
    "seeds": ("seeds", "how many were made; means over unlike seeds are not alike, gains are over the same"),
    "nll": ("test loss", "NLL of held-out good answers, nats per token; lower is better"),
    "gain": ("gain over mixed", "test loss of mixed minus the method's, on the same rows; positive is better"),
    "rise": ("rise", "test loss minus that with nothing spoiled, on the same rows"),
    "share_of_oracle": (
        "share of Oracle",
        "exp(Oracle's test loss − the method's): the probability of a right token, as a share of what Oracle gives it",
    ),
    "gap_closed": (
        "gap closed",
        "(mixed − it) / (mixed − Oracle) in test loss; stated where mixed is clearly worse",
    ),
    "chosen": ("right answer chosen", "share of questions whose own answer is preferred to three of similar questions"),
    "rouge_l": ("ROUGE-L", "overlap of the answers to the first 24 test prompts with the references, 0 to 100"),
    "chrf": ("chrF", "the same by characters, 0 to 100"),
    "knowledge": ("exam questions", "share of 204 MMLU questions on medicine answered rightly, the mean over topics"),
    "kept_share": ("kept", "share of all rows that the method trains on"),
    "precision": ("precision", "share of good rows among the kept"),
    "recall": ("recall", "share of the good rows that is kept"),
    "f1": ("F1", "harmonic mean of precision and recall"),
    "accuracy": ("accuracy", "share of rows that are rightly kept or dropped"),
    "auc": ("AUC", "how often a good row scores above a spoiled one"),
    "bar": ("bar", "what a row's score must reach"),
    "raw_bar": ("raw bar", ""),
    "first": ("first layer", "AUC"),
    "last": ("last layer", "AUC"),
    "first_minus_last": ("difference", "first minus last"),
    "all_layers": ("all layers", "AUC"),
    "kind": ("kind", "clean, or how we spoiled the row"),
    "kept_by_clues": ("kept by clues", ""),
    "kept_by_published": ("kept by published", ""),
}
"""Column of a CSV file -> its heading, and what it is where that is not said elsewhere."""


def heading(column: str) -> str:
    """Of a column on the page."""
    return COLUMNS[column][0] if column in COLUMNS else column
