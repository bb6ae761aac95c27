"""Pools and labelled sets for selection.

`--data` is a folder with finance/, medical/ and multilingual/ gzipped JSON lines. Every pool is a file of JSON lines
with `prompt`, `response`, `source` (makes a client), `doc` (to be kept in one set), `tokens` of the response, and the
labels there are. White space is folded and sure slips of the encoding are mended; a text that is broken in another
way is left out, with its reason printed. What people judged to be poor answers stays in: that is what is measured.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import unicodedata
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoTokenizer

from clues.data.overlap import distinct
from clues.data.rows import Message, Row
from clues.data.words import jaccard, shingles
from clues.disk.writing import write_jsonl
from clues.errors import SettingError
from clues.models.base import packaged_folder
from clues_research.selection.mixtures import QUALITY

Record = dict[str, Any]
Count = Callable[[str], int]
"""Tokens of a text by the packaged tokenizer."""
Fault = tuple[str, str, str]
"""Reason, field, and the pattern that shows it."""

LONGEST = 400
"""Tokens of a TAT-QA row's prompt and response."""
FEWEST_WORDS = 8
"""Words with a letter in a TAT-QA answer: shorter ones are numbers and names."""
TONE = ("assertive", "cautious", "optimistic")
PERIODS = (2011, 2014, 2017)
"""First years of the second, third and fourth source of SubjECTive-QA: about equally many rows in each."""
SAME_CASE = 0.2
"""Jaccard similarity of two Spanish case texts: no two of CasiMedicos lie between 0.12 and 0.27, and all above are the
same case in another exam or with a second doctor's explanation."""
FINANCE_LENGTH = range(30, 101)
ENDS = 40
"""Characters by which the paragraph of an answer is known."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95, 1)

ABROAD = r"[£€]|\bRM\b|RMB|HK\$|A\$|NT\$|\b[Tt]he Group\b|per cent|\bIFRS\b"
"""Signs of a report from outside the United States: its currency, its spelling or its standards. Canadian reports have
none of them."""
CASE = re.compile(
    r"^QUESTION TYPE ?:[^\n]*\nCLINICAL CASE ?:\s*(?P<case>.+?)\n(?P<options>1 ?- .+?)\n"
    r"(?:CORRECT ANSWER|BONNE RÉPONSE|RÉPONSE CORRECTE|RISPOSTA CORRETTA) ?: ?(?P<right>\d)\s*\n(?P<explanation>.+)$",
    re.DOTALL,
)
LANGUAGES = ("en", "es", "fr", "it")
MENDED = str.maketrans({"ﬁ": "fi", "ﬂ": "fl", "\u200b": None, "\ufeff": None, "\u00ad": None})
ODD = r"[\ufffd\x00-\x09\x0b-\x1f\x7f-\x9f\u0300-\u036f\ue000-\uf8ff]|â€|[ÃÂ][^a-zà-ÿA-Z]"
BROKEN: tuple[Fault, ...] = (
    ("an odd character", "prompt", ODD),
    ("an odd character", "response", ODD),
    ("a lost space", "response", r"[a-z]{3}[.;:?!][A-Z][a-z]{2}|[a-z]\)[A-Z][a-z]"),
)
WHOLE: tuple[Fault, ...] = (
    ("no beginning", "response", r"^[^\w\"“«‘'(¿¡<>-]"),
    ("no end", "response", r"[^.!?…)\]\"”»’'%\d]$"),
)
SPOKEN: tuple[Fault, ...] = (
    ("a gap in the transcript", "response", r"(?i)\(?inaudible|\[indiscernible|technical difficult|\(\d+$"),
    ("one or two words", "response", r"^\W*(?:\S+\s*){0,2}$"),
    ("no question", "prompt", r"^(?:\S+\s*){0,2}$|^[\w.' ]+ - [\w.&' ]+$"),
)
SENTENCES: tuple[Fault, ...] = (("no whole sentence", "response", r"^[^A-Z]|[^.]$"),)
"""Of TAT-QA's answers, which are cut out of a paragraph."""


def write_pools(*, data: Path, output: Path) -> None:
    """Write them to `output`, from the folder that research/DATA.md describes."""
    for name, rows in pools(data, token_counter()).items():
        write_jsonl(rows, output / f"{name}.jsonl")


def pools(data: Path, count: Count) -> dict[str, list[Record]]:
    """All pools by name, cleaned; prints what was left out and a summary."""
    tables = [record for part in ("dev", "test") for record in read(data / f"finance/tatqa_{part}.jsonl.gz")]
    cases = {language: read(data / f"multilingual/casimedicos_{language}.jsonl.gz") for language in LANGUAGES}
    calls = subjective(read(data / "finance/subjective_qa.jsonl.gz"))
    print("left out:")
    made = {
        "tatqa": clean("tatqa", tatqa(tables, count), (("too long", "prompt", r"^$"), *BROKEN)),
        "subjective": clean("subjective", calls, (*BROKEN, *SPOKEN, *WHOLE)),
        "pubmedqa": clean("pubmedqa", pubmedqa(read(data / "medical/pubmedqa.jsonl.gz")), (*BROKEN, *WHOLE)),
        "casimedicos": clean("casimedicos", casimedicos(cases), (*BROKEN, *WHOLE)),
        "judged": clean("judged", judged(read(data / "medical/medquad_judged.jsonl.gz")), BROKEN, within="doc"),
    }
    for row in (row for rows in made.values() for row in rows):
        row["tokens"] = count(row["response"])
    made["casimedicos_apart"] = apart(made["casimedicos"])
    made["calls"] = [row for row in made["subjective"] if all(row[dimension] == 2 for dimension in QUALITY)]
    made["finance"] = finance(made["tatqa"], made["calls"])
    made["finance_other"] = finance_other(made["tatqa"])
    summarise(made, count)
    return made


def tatqa(records: Iterable[Record], count: Count) -> Iterable[Record]:
    """Answers in words about a table and the paragraphs around it, as much of both as the length allows.

    No field of TAT-QA makes clients. A document is one report's note, and reports differ by where they are filed.
    """
    for record in records:
        paragraphs = [folded(paragraph) for paragraph in record["paragraphs"]]
        parts = [whole_sentence(folded(str(part)).strip(" ,;"), paragraphs) for part in np.atleast_1d(record["answer"])]
        response = joined(parts)
        if len(re.findall(r"\S*[^\W\d_]\S*", response)) < FEWEST_WORDS:
            continue
        table = [" | ".join(folded(cell) for cell in row).rstrip("| ").lstrip() for row in record["table"]]
        text = "\n".join([*table, *paragraphs])
        question = folded(record["question"])
        context, prompt = shortened(table, paragraphs, question, parts, LONGEST - count(response), count)
        yield {
            "prompt": prompt,
            "response": response,
            "source": "tatqa-abroad" if re.search(ABROAD, text) else "tatqa-us",
            "doc": f"tatqa/{hashlib.sha256(text.encode()).hexdigest()[:12]}",
            "answer_type": record["answer_type"],
            "context": context,
        }


def whole_sentence(part: str, paragraphs: Sequence[str]) -> str:
    """With its full stop, where only that was left out."""
    left_out = part[:1].isupper() and any(f"{part}." in paragraph for paragraph in paragraphs)
    return f"{part}." if left_out else part


def joined(parts: Sequence[str]) -> str:
    """The parts of an answer as one text: sentences side by side, other parts as a list."""
    if any(part.endswith(".") for part in parts):
        return " ".join(parts)
    return ("; " if any("," in part for part in parts) else ", ").join(parts)


def shortened(
    table: Sequence[str], paragraphs: Sequence[str], question: str, parts: Sequence[str], most: int, count: Count
) -> tuple[str, str]:
    """How much of the document is left, and the longest prompt of at most `most` tokens; an empty one if none fits.

    Paragraphs and rows that hold a part of the answer stay to the last.
    """

    def holds(line: str) -> bool:
        return any(part.casefold() in line.casefold() for part in parts)

    def asked(line: str) -> bool:
        return any(word in line.casefold() for word in re.findall(r"[^\W\d_]{5,}", question.casefold()))

    answering = [paragraph for paragraph in paragraphs if holds(paragraph)]
    header = [row for position, row in enumerate(table[:3]) if position == 0 or row.startswith("|")]
    body = [row for row in table[len(header) :] if holds(row) or asked(row)]
    rows = [*header, *body] if body else []
    for name, kept_rows, kept_paragraphs in (
        ("whole", table, paragraphs),
        ("answering paragraphs", table, answering),
        ("answering paragraphs, rows of the question", rows, answering),
        ("answering paragraphs, no table", [], answering),
    ):
        tabled, told = "\n".join(filter(None, kept_rows)), "\n".join(filter(None, kept_paragraphs))
        prompt = "\n\n".join(filter(None, [tabled, told, f"Question: {question}"]))
        if (answering or any(map(holds, kept_rows))) and count(prompt) <= most:
            return name, prompt
    return "none", ""


def subjective(records: Iterable[Record]) -> list[Record]:
    """Questions and answers of earnings calls; the mark 0, 1 or 2 on every dimension is a person's."""
    return [
        {
            "prompt": folded(record["QUESTION"]),
            "response": folded(record["ANSWER"]),
            "source": period(record["YEAR"]),
            "doc": f"{record['TICKER']}-{record['YEAR']}-{record['QUARTER']}",
            "company": record["TICKER"],
            "year": record["YEAR"],
            **{dimension: record[dimension.upper()] for dimension in (*QUALITY, *TONE)},
        }
        for record in records
    ]


def period(year: int) -> str:
    first, last = (2007, *PERIODS), (*(start - 1 for start in PERIODS), 2021)
    turn = bisect(PERIODS, year)
    return f"{first[turn]}-{last[turn]}"


def pubmedqa(records: Iterable[Record]) -> list[Record]:
    """The conclusion of an abstract, asked for with the rest of it; a client holds one kind of answer."""
    return [
        {
            "prompt": "\n".join(map(folded, [*record["contexts"], record["question"]])),
            "response": folded(record["long_answer"]),
            "source": record["answer"],
            "doc": str(record["pmid"]),
        }
        for record in records
    ]


def casimedicos(languages: Mapping[str, Sequence[Record]]) -> Iterable[Record]:
    """A doctor's explanation of an exam's case in every language, which are in the same order.

    Raises SystemExit if a record has another form or its right option is another one than in the other languages.
    """
    parsed = {language: [parsed_case(record["text"]) for record in records] for language, records in languages.items()}
    right = [[case["right"] for case in cases] for cases in parsed.values()]
    if any(other != right[0] for other in right):
        raise SystemExit(
            "CasiMedicos: the languages differ in their right options, so their cases are not in one order"
        )
    docs = same_cases([case["case"] for case in parsed["es"]])
    for language, cases in parsed.items():
        for doc, case in zip(docs, cases, strict=True):
            options = [folded(option) for option in case["options"].split("\n")]
            yield {
                "prompt": "\n".join([folded(case["case"]), *(o for o in options if not re.search(r"^\d ?- ?nan$", o))]),
                "response": folded(case["explanation"]),
                "source": language,
                "doc": f"case-{doc}",
                "language": language,
                "right_option": int(case["right"]),
            }


def parsed_case(text: str) -> dict[str, str]:
    match = CASE.search(text)
    if match is None:
        raise SystemExit(f"CasiMedicos: a record without case, options, right option or explanation: {text[:200]!r}")
    return match.groupdict()


def same_cases(texts: Sequence[str]) -> list[int]:
    """For every case the position of the first one that is the same, over a chain of similar ones too."""
    runs, first = [shingles(text) for text in texts], list(range(len(texts)))
    for later in range(len(texts)):
        for earlier in range(later):
            if first[earlier] != first[later] and jaccard(runs[earlier], runs[later]) > SAME_CASE:
                low, high = sorted((first[earlier], first[later]))
                first = [low if doc == high else doc for doc in first]
    return first


def apart(cases: Sequence[Record]) -> list[Record]:
    """Every case in one language only, the languages in turn: `draw_sample` deals each source's documents by itself."""
    docs = dict.fromkeys(row["doc"] for row in cases)
    language = {doc: LANGUAGES[position % len(LANGUAGES)] for position, doc in enumerate(docs)}
    return [row for row in cases if row["language"] == language[row["doc"]]]


def judged(records: Iterable[Record]) -> list[Record]:
    """Answers found for consumers' questions, with a judge's label: 1 incorrect, 2 related, 3 incomplete, 4 excellent.

    An answer that two judges labelled stands twice in the file: `label` is the lower one, `labels` has all. Every
    answer of the file has one closing bracket too many at its end, and those of one site begin with a heading.
    """
    rows: dict[tuple[str, str], Record] = {}
    for record in records:
        response = folded(record["answer"].strip().removesuffix(")").removeprefix("Summary :"))
        doc = f"question-{record['qid']}"
        new = {"prompt": folded(record["question"]), "response": response, "source": record["source"], "doc": doc}
        row = rows.setdefault((doc, response), new | {"label": 4, "labels": []})
        row["labels"].append(int(record["label"]))
        row["label"] = min(row["labels"])
    return list(rows.values())


def finance_other(reports: Sequence[Record]) -> list[Record]:
    """TAT-QA rows for one client of another domain: answers that are whole sentences, asked with their paragraph only.

    Spoken answers are no substitute: the few that are short and have the best marks are too muddled to pass for clean.
    """
    rows = [row for row in reports if row["tokens"] in FINANCE_LENGTH and not fault(row, SENTENCES)]
    return [
        row | {"source": "finance", "prompt": answering(row), "context": "answering paragraphs, no table"}
        for row in rows
    ]


def finance(reports: Sequence[Record], calls: Sequence[Record]) -> list[Record]:
    """Two clients of one field: answers from American reports, and spoken ones that have the best marks."""
    return [row for row in reports if row["source"] == "tatqa-us"] + [row | {"source": "calls"} for row in calls]


def answering(row: Record) -> str:
    """A TAT-QA prompt without what does not hold the answer's first or last words."""
    *lines, question = row["prompt"].splitlines()
    ends = row["response"][:ENDS], row["response"][-ENDS:]
    return "\n\n".join([*(line for line in lines if any(end in line for end in ends)), question])


def clean(name: str, records: Iterable[Record], faults: Sequence[Fault], within: str = "") -> list[Record]:
    """Records without a fault whose response is no near-duplicate of an earlier one.

    `within` names a field if only records that agree in it are compared. Prints how many are left out and why.
    """
    records = list(records)
    reasons = [fault(record, faults) for record in records]
    groups: dict[Any, list[Row]] = defaultdict(list)
    for line, (record, reason) in enumerate(zip(records, reasons, strict=True), start=1):
        if reason is None:
            turns = Message("user", record["prompt"]), Message("assistant", record["response"])
            groups[record.get(within)].append(Row(turns, name, line, record))
    kept = sorted((row for group in groups.values() for row in distinct(group)), key=lambda row: row.line)
    counts = Counter(reason for reason in reasons if reason)
    counts["a near-duplicate"] = len(records) - counts.total() - len(kept)
    listed = ", ".join(f"{n} {why}" for why, n in counts.most_common() if n)
    print(f"  {name}: {len(records) - len(kept)} of {len(records)}: {listed}")
    return [dict(row.record) for row in kept]


def fault(record: Record, faults: Iterable[Fault]) -> str | None:
    """The first thing that is wrong with a record, or None."""
    return next((reason for reason, field, pattern in faults if re.search(pattern, record[field])), None)


def folded(text: str) -> str:
    """The text with single spaces, letters and accents in one character and no invisible ones."""
    return " ".join(unicodedata.normalize("NFC", text.translate(MENDED)).split())


def read(path: Path) -> list[Record]:
    """Raises SettingError if there is no such file."""
    if not path.is_file():
        raise SettingError(f"{path}: no such file; research/DATA.md says what is in the folder of --data, and whence")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def token_counter() -> Count:
    tokenizer = AutoTokenizer.from_pretrained(packaged_folder())
    return lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"])


def summarise(made: Mapping[str, Sequence[Record]], count: Count) -> None:
    """Print a table: rows, sources, documents, and quantiles of tokens without the chat's own."""
    percent = " ".join(f"{100 * quantile:.0f}" for quantile in QUANTILES) + " %"
    print(f"{'tokens at ' + percent:34}{'rows':>6}{'docs':>6}  {'response':24}{'prompt and response':24}sources")
    for name, rows in made.items():
        responses = [row["tokens"] for row in rows]
        both = [row["tokens"] + count(row["prompt"]) for row in rows]
        lengths = [" ".join(f"{tokens:.0f}" for tokens in np.quantile(each, QUANTILES)) for each in (responses, both)]
        sources = ", ".join(f"{source} {n}" for source, n in sorted(Counter(row["source"] for row in rows).items()))
        docs = len({row["doc"] for row in rows})
        print(f"{name:34}{len(rows):6}{docs:6}  {lengths[0]:24}{lengths[1]:24}{sources}")
