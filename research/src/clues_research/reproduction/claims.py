"""The paper's claims, and when one holds.

CLUES: Collaborative Private-domain High-quality Data Selection for LLMs via Training Dynamics (Zhao, Fan, Hu, Zhou,
Lane; NeurIPS 2024; arXiv 2507.03004). No cell of its tables is at hand: what is tested are the claims of its text, and
the order that its tables and figures show.
"""

from __future__ import annotations

from dataclasses import dataclass

from clues_research.reproduction.estimates import Estimate


@dataclass(frozen=True)
class Claim:
    """One thing the paper says."""

    name: str
    artefact: str
    says: str
    """In the paper."""
    tested: str
    """What is compared here; positive is in the claim's favour."""
    bound: float = 0.0
    """What the tested number must exceed."""
    comparisons: int = 1
    """How many numbers it takes; it holds where all do."""
    comparable: bool = True
    """Whether the tested number is of the paper's kind; if not, nothing can be told, whatever it is."""


CLAIMS = (
    Claim(
        "bad data raises the loss", "figure1", "The more bad data, the higher the validation loss.",
        "validation NLL at the last step with bad data minus that without; and its slope over shares from 20 % up",
        comparisons=7,
    ),
    Claim(
        "bad data lowers performance", "figure2", "Performance drops with the share of bad data, on two base models.",
        "test NLL with bad data minus that without", comparisons=6,
    ),
    Claim(
        "federated: better than mixed", "table1", "CLUES beats training on the mixed data.",
        "test NLL of mixed minus CLUES",
    ),
    Claim(
        "federated: better than other selections", "table1", "CLUES beats selection by PPL, IFD and DataInf.",
        "test NLL of the other minus CLUES", comparisons=3,
    ),
    Claim(
        "federated: 96 % of Oracle", "table1", "CLUES reaches over 96 % of Oracle.",
        "exp(test NLL of Oracle − CLUES), the probability of a right token as a share of Oracle's (in the paper a "
        "judge's score)", 0.96, comparable=False,
    ),
    Claim(
        "knowledge", "table1", "CLUES raises KnowledgeAvg over mixed.",
        "mean share of 204 MMLU questions answered rightly, CLUES minus mixed",
    ),
    Claim(
        "languages, federated: better than mixed", "table2", "CLUES beats training on the mixed data.",
        "test NLL of mixed minus CLUES",
    ),
    Claim(
        "languages, merging: better than mixed", "table2", "CLUES beats merging what was trained on the mixed data.",
        "test NLL of mixed minus CLUES, merged by TIES",
    ),
    Claim(
        "languages: better than other selections", "table2", "CLUES beats selection by PPL, IFD and DataInf.",
        "test NLL of the other minus CLUES", comparisons=6,
    ),
    Claim(
        "languages, federated: 96 % of Oracle", "table2", "CLUES reaches over 96 % of Oracle.",
        "exp(test NLL of Oracle − CLUES), as in Table 1", 0.96, comparable=False,
    ),
    Claim(
        "languages, merging: 91 % of Oracle", "table2", "CLUES reaches over 91 % of Oracle when merging.",
        "exp(test NLL of Oracle − CLUES), merged by TIES", 0.91, comparable=False,
    ),
    Claim(
        "67.3 % better than mixed", "table2", "CLUES is up to 67.3 % better than mixed.",
        "ROUGE-L of CLUES over that of mixed, minus 1 (in the paper a judge's score, and the best of its cases)",
        0.673, comparisons=2, comparable=False,
    ),
    Claim(
        "a global threshold is the best rule", "table3",
        "A global threshold selects better than a fixed ratio and a pre-set score.",
        "F1 by the global threshold minus F1 by the other rule", comparisons=2,
    ),
    Claim(
        "99 % selected", "figure4", "Over 99 % of the high-quality data is selected at 20, 50 and 80 % bad.",
        "share of the clean rows that is kept", 0.99, comparisons=3,
    ),
    Claim(
        "selection helps at every share", "figure4", "With selection, performance is higher at 20, 50 and 80 % bad.",
        "test NLL of mixed minus CLUES", comparisons=3,
    ),
    Claim(
        "selection helps every merge", "figure5", "Selection helps whichever way adapters are merged.",
        "test NLL of mixed minus CLUES, merged in the same way", comparisons=2,
    ),
    Claim(
        "the first layer beats the last", "figure5", "The first layer's gradients select better than the last layer's.",
        "AUC by the first layer minus AUC by the last", comparisons=6,
    ),
    Claim(
        "selected beats raw on two models", "table5", "Selected data beats raw data on both base models.",
        "test NLL of mixed minus CLUES", comparisons=2,
    ),
    Claim(
        "scores tell good from bad", "table6", "Samples of high score are good ones, those of low score bad ones.",
        "AUC of the score minus 0.5",
    ),
    Claim(
        "answers improve", "table8", "After selection, the model's answers are better than before.",
        "ROUGE-L of CLUES minus that of mixed",
    ),
)  # fmt: skip
"""By artefact, in the order of the page. Each is put to the paper's score and rule, and to ours."""

ORDER = Claim("order", "", "", "test NLL of the one that should be worse minus that of the other")
NOT_ABOVE_ORACLE = Claim("no better than Oracle", "", "", "test NLL of clues minus that of Oracle; 0 is well")
SHARING = Claim("sharing helps", "", "", "test NLL of clients that train alone minus that of what they make together")
OWN = (ORDER, NOT_ABOVE_ORACLE, SHARING)
"""What we expect of the numbers, whatever the paper says."""


@dataclass(frozen=True)
class Finding:
    """A number that a claim is held against."""

    claim: str
    whose: str
    """`published` or `clues`; empty where the claim is about neither."""
    about: str
    """What is compared, where a claim needs several comparisons."""
    found: Estimate
    measure: str
    """What the number counts: `nats`, `AUC`, ..."""


def claim_of(name: str) -> Claim:
    """The claim of a name."""
    return next(claim for claim in (*CLAIMS, *OWN) if claim.name == name)
