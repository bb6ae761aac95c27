"""Labelled data sets as questions: a prompt, the answers that are possible, and the right one.

`--data` is the folder that research/DATA.md describes. Prompts are clipped to some words, so that most rows have 60 to
160 tokens. Where a set has classes, every question has the same options in the same order; of an exam question with
its own options in words, and of a number out of a report, a question's options are its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clues.errors import SettingError
from clues_research.selection.pools import LANGUAGES, Record, folded, parsed_case, read, same_cases

WORDS = 70
"""Most words of a passage in a prompt."""
CASE_WORDS, OPTION_WORDS = 45, 9
"""Most words of a case, its last, and of each of its options: in four languages they have more tokens."""
OTHERS = 16
"""Other answers of the same form that a question about a report is given as options."""
LETTERS = ("A", "B", "C", "D")
QTYPES = (
    "information", "symptoms", "treatment", "inheritance", "frequency", "genetic changes", "causes", "exams and tests",
    "research", "outlook", "susceptibility", "considerations", "prevention", "stages", "complications",
)  # fmt: skip
"""Of MedQuAD's sixteen one has a single passage."""
SITES = {
    "1_CancerGov_QA": "CancerGov", "2_GARD_QA": "GARD", "3_GHR_QA": "GHR", "4_MPlus_Health_Topics_QA": "MedlinePlus",
    "5_NIDDK_QA": "NIDDK", "6_NINDS_QA": "NINDS", "7_SeniorHealth_QA": "SeniorHealth", "8_NHLBI_QA_XML": "NHLBI",
    "9_CDC_QA": "CDC",
}  # fmt: skip
TONES = ("negative", "neutral", "positive")
AUTHORS = 24
"""Of the books: those with the longest texts."""
PASSAGES = 80
"""Of each author."""


@dataclass(frozen=True)
class Question:
    """One example of a labelled data set."""

    prompt: str
    options: tuple[str, ...]
    """All different; the label's text as a user would write it."""
    right: int
    """Place of the right one."""
    doc: str
    """What must not be in two sets at once: a patient's case, a disease, a report's note."""
    source: str


def questions(name: str, data: Path) -> list[Question]:
    """All questions of a data set. Raises SettingError for a name that is none, and where its file is missing."""
    if name not in SETS:
        raise SettingError(f"no labelled data set {name!r}; there are {', '.join(SETS)}")
    found = list(SETS[name](data))
    assert all(len(set(q.options)) == len(q.options) for q in found)
    return found


def clipped(text: str, words: int = WORDS) -> str:
    """Its first words."""
    return " ".join(folded(text).split()[:words])


def _classes(names: Sequence[str], rows: Iterator[tuple[str, str, str, str]]) -> Iterator[Question]:
    """Questions of one label set from (prompt, label, doc, source)."""
    for prompt, label, doc, source in rows:
        yield Question(prompt, tuple(names), list(names).index(label), doc, source)


def pubmedqa(data: Path) -> Iterator[Question]:
    """Does the study say yes, no or maybe? The question and the end of the abstract, where its results stand."""
    names = ("yes", "no", "maybe")
    rows = read(data / "medical/pubmedqa.jsonl.gz")
    yield from _classes(names, ((_study(r), r["answer"], str(r["pmid"]), "pubmedqa") for r in rows))


def _study(record: Record) -> str:
    results = folded(" ".join(record["contexts"])).split()[-WORDS:]
    return f"{' '.join(results)}\n\n{folded(record['question'])} Answer yes, no or maybe."


def _exam(data: Path) -> list[Record]:
    rows = [r for field in ("medical", "finance") for r in read(data / f"knowledge/mmlu_{field}.jsonl.gz")]
    rows = [r for r in rows if len(f"{r['question']} {' '.join(r['choices'])}".split()) <= 2 * WORDS]
    return [r for r in rows if len({folded(c) for c in r["choices"]}) == len(LETTERS)]


def _asked(record: Record) -> str:
    listed = [f"{letter}. {folded(c)}" for letter, c in zip(LETTERS, record["choices"], strict=True)]
    return "\n".join([folded(record["question"]), *listed])


def mmlu_letter(data: Path) -> Iterator[Question]:
    """An exam question, answered by its letter."""
    for r in _exam(data):
        yield Question(_asked(r), LETTERS, LETTERS.index(r["answer"]), _digest(r["question"]), r["subject"])


def mmlu_text(data: Path) -> Iterator[Question]:
    """An exam question, answered by the option's words."""
    for r in _exam(data):
        options = tuple(folded(c) for c in r["choices"])
        yield Question(_asked(r), options, LETTERS.index(r["answer"]), _digest(r["question"]), r["subject"])


def mmlu_subject(data: Path) -> Iterator[Question]:
    """What an exam question is about: seventeen subjects."""
    rows = _exam(data)
    names = sorted({_name(r["subject"]) for r in rows})
    asked = "Which subject is this exam question from?"
    yield from _classes(
        names,
        (
            (f"{asked}\n\n{clipped(r['question'])}", _name(r["subject"]), _digest(r["question"]), "mmlu")
            for r in rows
        ),
    )  # fmt: skip


def _name(subject: str) -> str:
    return subject.replace("_", " ")


def casimedicos(data: Path) -> Iterator[Question]:
    """A case of an exam in four languages, answered by the option's number; a case is one document in all of them."""
    files = {lang: read(data / f"multilingual/casimedicos_{lang}.jsonl.gz") for lang in LANGUAGES}
    parsed = {lang: [parsed_case(r["text"]) for r in records] for lang, records in files.items()}
    docs = same_cases([case["case"] for case in parsed["es"]])
    names = tuple("12345")
    for lang, cases in parsed.items():
        for doc, case in zip(docs, cases, strict=True):
            options = [folded(o) for o in case["options"].split("\n") if not re.search(r"^\d ?- ?nan$", folded(o))]
            options = [clipped(option, OPTION_WORDS) for option in options]
            text = " ".join(folded(case["case"]).split()[-CASE_WORDS:])
            yield Question("\n".join([text, *options]), names, names.index(case["right"]), f"case-{doc}", lang)


def medquad_qtype(data: Path) -> Iterator[Question]:
    """What a passage tells about a disease: fifteen kinds. The question that some passages begin with is cut off."""
    rows = [r for r in read(data / "medical/medquad.jsonl.gz") if r["qtype"] in QTYPES]
    asked = "What does this passage tell?"
    yield from _classes(
        QTYPES, ((f"{asked}\n\n{_passage(r)}", r["qtype"], r["focus"].casefold(), r["source"]) for r in rows)
    )


def medquad_site(data: Path) -> Iterator[Question]:
    """Which of nine sites a passage was written for."""
    rows = read(data / "medical/medquad.jsonl.gz")
    asked = "Which site is this passage from?"
    names = sorted(SITES.values())
    yield from _classes(
        names, ((f"{asked}\n\n{_passage(r)}", SITES[r["source"]], r["focus"].casefold(), r["qtype"]) for r in rows)
    )


def _passage(record: Record) -> str:
    return clipped(re.sub(r"^\W*(What|How|Is|Are|Can|Who|Do|Does)\b[^.?!]{0,150}\?\s*", "", folded(record["answer"])))


def tone(data: Path) -> Iterator[Question]:
    """How optimistic people found an answer in an earnings call."""
    rows = read(data / "finance/subjective_qa.jsonl.gz")
    asked = "Is the tone of this answer negative, neutral or positive?"
    yield from _classes(
        TONES,
        ((f"{asked}\n\n{clipped(r['ANSWER'])}", TONES[r["OPTIMISTIC"]], _call(r), "calls") for r in rows),
    )


def _call(record: Record) -> str:
    return f"{record['TICKER']} {record['QUARTER']} {record['YEAR']}"


def author(data: Path) -> Iterator[Question]:
    """Who wrote a passage: twenty-four authors of public-domain books. A document is a page; pages do not overlap."""
    books: dict[str, list[str]] = {}
    for r in read(data / "pretrain/books.jsonl.gz"):
        if r["author"] not in ("Anonymous", "Various"):
            books.setdefault(r["author"], []).append(r["text"])
    longest = sorted(books, key=lambda name: -sum(map(len, books[name])))[:AUTHORS]
    names = sorted(longest)
    for name in names:
        words = folded(" ".join(books[name])).split()
        pages = np.linspace(0.02 * len(words), 0.97 * len(words), PASSAGES).astype(int)
        for page in pages:
            text = " ".join(words[page : page + WORDS])
            yield Question(f"Who wrote this?\n\n{text}", tuple(names), names.index(name), f"{name} {page}", "books")


def topic(data: Path) -> Iterator[Question]:
    """Which desk a text is for: the subjects of exams and four kinds of texts that are no exam, 21 together."""
    rows = [(clipped(r["question"]), _name(r["subject"]), _digest(r["question"])) for r in _exam(data)]
    rows += [
        (folded(r["question"]), "medical research", str(r["pmid"])) for r in read(data / "medical/pubmedqa.jsonl.gz")
    ]
    rows += [
        (clipped(r["QUESTION"]), "earnings call", _call(r))
        for r in read(data / "finance/subjective_qa.jsonl.gz")
        if len(r["QUESTION"].split()) > 8
    ]
    rows += [(folded(r["question"]), "annual report", _note(r)) for r in _reports(data)]
    rows += [
        (folded(r["question"]), "patient information", r["focus"].casefold())
        for r in read(data / "medical/medquad.jsonl.gz")[::8]
    ]
    names = sorted({name for _, name, _ in rows})
    asked = "Which desk is this for?"
    yield from _classes(names, ((f"{asked}\n\n{text}", name, doc, name) for text, name, doc in rows))


def _reports(data: Path) -> list[Record]:
    return [r for part in ("dev", "test") for r in read(data / f"finance/tatqa_{part}.jsonl.gz")]


def _note(record: Record) -> str:
    return f"tatqa/{_digest(' '.join(' '.join(row) for row in record['table']))}"


def tatqa(data: Path) -> Iterator[Question]:
    """A number or a few words out of a report's table; the options are others' answers of the same form, and what is
    right among them stands in any place."""
    rows = []
    for r in _reports(data):
        answer = r["answer"] if isinstance(r["answer"], list) else [r["answer"]]
        text = folded(str(answer[0])).strip(" ,;")
        if len(answer) == 1 and 0 < len(text.split()) <= 6:
            rows.append((r, f"{text}%" if r["scale"] == "percent" and "%" not in text else text))
    forms: dict[str, list[str]] = {}
    for _, text in rows:
        forms.setdefault(form(text), []).append(text)
    for i, (r, text) in enumerate(rows):
        draw = np.random.default_rng([17, i])
        others = sorted(set(forms[form(text)]) - {text})
        some = [others[j] for j in draw.permutation(len(others))[:OTHERS]]
        if len(some) == OTHERS:
            right = int(draw.integers(OTHERS + 1))
            yield Question(_report(r), (*some[:right], text, *some[right:]), right, _note(r), form(text))


def form(text: str) -> str:
    """`percent`, `money`, `number` or `words`."""
    if re.fullmatch(r"[\d.,()\s$€£%–-]*\d[\d.,()\s$€£%–-]*", text):
        return "percent" if "%" in text else "money" if re.search(r"[$€£]", text) else "number"
    return "words"


def _report(record: Record) -> str:
    """The question after what shares most words with it: the table's first line, then lines and sentences by overlap,
    as many as the words allow, in the order in which they stand."""
    question = folded(record["question"])
    asked = set(re.findall(r"\w+", question.casefold()))
    lines = [" | ".join(folded(c) for c in row if folded(c)) for row in record["table"]]
    lines += [s for p in record["paragraphs"] for s in re.split(r"(?<=[.;])\s+", folded(p))]
    overlap = [len(asked & set(re.findall(r"\w+", line.casefold()))) for line in lines]
    chosen, left = {0}, WORDS - len(lines[0].split())
    for i in sorted(range(1, len(lines)), key=lambda i: -overlap[i]):
        if overlap[i] and len(lines[i].split()) <= left:
            chosen.add(i)
            left -= len(lines[i].split())
    return "\n".join([*(lines[i] for i in sorted(chosen)), "", question])


def _digest(text: str) -> str:
    return hashlib.sha256(folded(text).casefold().encode()).hexdigest()[:12]


SETS: Mapping[str, Callable[[Path], Iterator[Question]]] = {
    "pubmedqa": pubmedqa,
    "medquad-qtype": medquad_qtype,
    "medquad-site": medquad_site,
    "mmlu-letter": mmlu_letter,
    "mmlu-text": mmlu_text,
    "mmlu-subject": mmlu_subject,
    "casimedicos": casimedicos,
    "tatqa": tatqa,
    "tone": tone,
    "author": author,
    "topic": topic,
}
"""Name -> its questions."""
