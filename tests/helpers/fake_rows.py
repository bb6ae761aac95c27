"""Invented rows of one file with what a model would say about each token: the channels come from the real functions."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clues.data.encoding import Encoded
from clues.data.files.reading import read_rows
from clues.data.prepare import Prepared
from clues.data.rows import Message, Row, SetAside
from clues.scoring.channel import FORWARD, GRADIENT
from clues.scoring.checkpoint import trace
from clues.scoring.criteria import CRITERIA, by_kind
from clues.scoring.forward import Forward, forward_channels
from clues.scoring.readings import Readings
from clues.selection.bar import Bar

KIND_OF = {criterion.name: criterion.spoiling for criterion in CRITERIA if isinstance(criterion.spoiling, str)}
"""Of each criterion, which are all spoiled in a way that has a name."""
KINDS = tuple(KIND_OF.values())
ANCHORS = 64
VALIDATION = 48
CHECKPOINTS = (2, 4)
TOKEN = 5
"""Characters of an invented token."""
LONGEST = 2000
"""Characters that fit into the invented model."""

TOPICS = {
    "Fabry disease": "enzyme alpha-galactosidase A builds up fatty material in the blood vessels, skin and kidneys",
    "gallstones": "hardened pieces of bile block the ducts of the gallbladder and cause sudden pain after meals",
    "sleep apnea": "the upper airway closes again and again during sleep, so that the level of oxygen falls",
    "hemochromatosis": "the gut takes up more iron than the body needs and stores it in the liver, heart and pancreas",
    "kidney stones": "crystals of calcium or uric acid grow in the urine until they scratch or block the ureter",
    "Marfan syndrome": "a change in the FBN1 gene weakens connective tissue, above all the aorta, eyes and joints",
    "lactose intolerance": "the small intestine makes too little lactase, so that milk sugar is fermented in the colon",
    "peripheral artery disease": "plaque narrows the arteries that carry blood to the legs, which hurt when walking",
}
QUESTIONS = ("What is {}?", "What causes {}?", "How is {} diagnosed?", "What are the symptoms of {}?")
ANSWERS = (
    "In {topic}, {fact}. Doctors usually confirm it with a blood test and a scan.",
    "People with {topic} often notice nothing for years. Over time {fact}. Early treatment protects the organs.",
    "{topic} is diagnosed by a physical exam and the family's history. It arises because {fact}.",
)
HOSTILE = (
    ("What is <script>window.broken=1</script>?", "</script><script>window.broken=1</script> A closing tag."),
    ("Does <img src=x onerror=window.broken=1> load?", "<img src=x onerror=window.broken=1> & <b>bold</b> \u2028 end."),
    ("什么是法布里病？", "法布里病是一种罕见的遗传病。 🧬 α-галактозидаза \u202etfel ot thgir\u202c naïve café."),
    ("ما هو مرض السكري؟", "السكري مرض مزمن يرتفع فيه سكر الدم عندما لا يفرز البنكرياس ما يكفي من الأنسولين."),
    ("What is a very long answer?", "This sentence is repeated until the row is very long indeed. " * 1500),
)


@dataclass(frozen=True)
class Shape:
    """What a run is like; each test changes one thing."""

    clients: tuple[str, ...] = ("GARD", "GHR", "NIDDK", "NHLBI")
    rows: int = 40
    alpha: float = 0.1
    spoiled: float = 0.5
    typos: float = 0.0
    """Share of the rows with typing errors, which are good."""
    shift: float = 2.6
    """How far a spoiled row's criterion moves down, in the usual spread of good rows."""
    channels: str = "full"
    labels: bool = True
    """A drawn sample, in which the damage is known; else the clients' own files."""
    epochs: bool = False
    explanations: bool = True
    unseen: bool = True
    counts: bool = True
    power: bool = True
    training: bool = True
    hostile: bool = True
    groups: tuple[str, ...] = ()
    """Values of a field `group`, which the rows have in turns."""


@dataclass(frozen=True)
class File:
    """An owner's file, read and scored."""

    source: Path
    prepared: Prepared
    forward: Forward
    channels: dict[str, np.ndarray]


def write_file(source: Path, client: str, shape: Shape, rng: np.random.Generator) -> File:
    """Write a data.jsonl, read it, and invent its channels. One more record is set aside."""
    bad = round(shape.rows * shape.spoiled)
    mistyped = round(shape.rows * shape.typos)
    kinds = ["typos"] * mistyped + ["clean"] * (shape.rows - mistyped - bad)
    kinds += [KINDS[i % len(KINDS)] for i in range(bad)]
    rng.shuffle(kinds)
    records = [_record(client, i, kind, shape) for i, kind in enumerate(kinds)]
    source.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    rows = read_rows(source)[0]
    encoded, forward, channels = _measure(rows, kinds, shape, rng)
    aside = SetAside(str(source), len(rows) + 1, "field answer is missing", "{}")
    return File(source, Prepared(rows, encoded, [aside]), forward, channels)


def make_bar(shape: Shape, rng: np.random.Generator) -> Bar:
    """Anchors, and public rows, good and spoiled for each criterion."""

    def channels(kind: str, n: int) -> dict[str, np.ndarray]:
        answers = [_answer(random.Random(f"public {kind} {i}"), kind)[1] for i in range(n)]
        rows = [Row((Message("assistant", answer),), "public.jsonl", i + 1, {}) for i, answer in enumerate(answers)]
        return _measure(rows, [kind] * n, shape, rng)[2]

    spoiled = {c.name: channels(KIND_OF[c.name], VALIDATION) for c in CRITERIA}
    criteria = CRITERIA if shape.channels == "full" else by_kind(CRITERIA, FORWARD)
    return Bar(channels("clean", ANCHORS), channels("clean", VALIDATION), spoiled, criteria)


def _record(client: str, i: int, kind: str, shape: Shape) -> dict[str, str]:
    hostile = shape.hostile and i < len(HOSTILE)
    prompt, answer = HOSTILE[i] if hostile else _answer(random.Random(f"{client} {i}"), kind)
    record = {"question": prompt, "answer": answer}
    if shape.labels:
        record["clues_label"] = kind
    if shape.groups:
        record["group"] = shape.groups[i % len(shape.groups)]
    return record


def _answer(pick: random.Random, kind: str) -> tuple[str, str]:
    topic, fact = pick.choice(list(TOPICS.items()))
    prompt, answer = pick.choice(QUESTIONS).format(topic), pick.choice(ANSWERS).format(topic=topic, fact=fact)
    words = answer.split()
    if kind == "cut":
        return prompt, " ".join(words[: len(words) // 2])
    if kind == "deletion":
        return prompt, " ".join(w for w in words if pick.random() > 0.3)
    if kind == "exchange":
        other = pick.choice([t for t in TOPICS if t != topic])
        return prompt, ANSWERS[0].format(topic=other, fact=TOPICS[other])
    if kind == "repetition":
        return prompt, f"{answer} {answer.split('. ')[0]}."
    return prompt, answer


def _measure(
    rows: Sequence[Row], kinds: Sequence[str], shape: Shape, rng: np.random.Generator
) -> tuple[list[Encoded], Forward, dict[str, np.ndarray]]:
    """Token likelihoods in which each kind of damage moves the criterion it is made for, and the others a little."""
    down = {c.name: np.array([_down(kind, KIND_OF[c.name], shape) for kind in kinds]) for c in CRITERIA}
    encoded = [_encoded(row.response) for row in rows]
    tokens = [_tokens(e, {name: d[i] for name, d in down.items()}, rng) for i, e in enumerate(encoded)]
    conditional, alone, other = ([kinds[i] for kinds in tokens] for i in range(3))
    forward = forward_channels(Readings(conditional, alone, [other]), rows, encoded)
    if shape.channels == "forward":
        return encoded, forward, forward.channels
    tables = {k: _gradients(down, k, rng) for k in CHECKPOINTS}
    return encoded, forward, forward.channels | trace(tables)


def _down(kind: str, spoiling: str, shape: Shape) -> float:
    return shape.shift if kind == spoiling else 0.3 * (kind not in ("clean", "typos"))


def _encoded(answer: str) -> Encoded:
    truncated = len(answer) > LONGEST
    text = answer[:LONGEST]
    spans = [(i, min(i + TOKEN, len(text))) for i in range(0, len(text), TOKEN)]
    spans += [] if truncated else [(len(text), len(text))]
    ends = () if truncated else (len(spans) - 1,)
    return Encoded(tuple(range(len(spans))), (True,) * len(spans), ends, tuple(spans), truncated)


def _tokens(encoded: Encoded, down: dict[str, float], rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """NLL of each token with the question, without one and under another."""
    n = len(encoded)
    conditional = rng.exponential(2 * np.exp(0.2 * down["fluency"]), n)
    if encoded.end_positions:
        conditional[-1] = np.exp(rng.normal(-1, 0.9) + 0.9 * down["completeness"])
    gain = rng.normal(0, 0.1, n)
    gain[rng.permutation(n)[:5]] = np.exp(
        rng.normal(0.3, 0.2, min(5, n)) + rng.normal(0, 0.4) - 0.35 * down["relevance"]
    )
    alone = rng.exponential(2.5, n)
    alone[n // 2 : n // 2 + 15] *= np.exp(rng.normal(0, 0.4) - 0.6 * down["novelty"])  # said before
    return conditional, alone, conditional + gain


def _gradients(down: dict[str, np.ndarray], k: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    channels = [channel for c in by_kind(CRITERIA, GRADIENT) for channel in c.channels]
    table = {channel.column: 3e-3 / k * rng.normal(-down[channel.source]) for channel in channels}
    return table | {f"published.{form}": rng.normal(0.02, 0.01, len(down["fluency"])) for form in ("dot", "adam")}
