"""A run folder with invented rows and numbers in exactly the formats of a real run, for the pages' tests."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from clues.config import SelectionSettings
from clues.data.rows import Message, Row
from clues.scoring.criteria import CRITERIA, forward_only
from clues.selection.select import Selection, select

CLIENTS = ("GARD", "GHR", "NIDDK", "NHLBI")
KINDS = ("cut", "deletion", "exchange")
ANCHORS = 64
CHECKPOINTS = (2, 4)

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
    """What the run is like; each test changes one thing."""

    clients: tuple[str, ...] = CLIENTS
    rows: int = 40
    alpha: float = 0.1
    spoiled: float = 0.5
    shift: float = 2.6
    """How far a spoiled row's channels move down, in the anchors' standard deviations."""
    channels: str = "full"
    labels: bool = True
    explanations: bool = True
    unseen: bool = True
    power: bool = True
    training: bool = True
    hostile: bool = True
    groups: bool = False


@dataclass(frozen=True)
class Client:
    name: str
    rows: list[Row]
    kinds: list[str]
    channels: dict[str, np.ndarray]
    selection: Selection


def write_run(folder: Path, shape: Shape = Shape()) -> Path:
    """Everything `runs/<name>/` holds before its pages are made; returns the folder."""
    rng = np.random.default_rng(0)
    anchors = _channels(rng, ["clean"] * ANCHORS, shape)
    clients = [_client(rng, name, anchors, shape) for name in shape.clients]
    for client in clients:
        _write_client(folder / "clients" / client.name, client, anchors, shape)
    _write_json(folder / "anchors.json", _anchors(anchors, shape))
    _write_json(folder / "selection.json", _selection(clients, shape))
    _write_json(folder / "metrics.json", _metrics(clients, shape))
    if shape.training:
        _write_json(folder / "training.json", _training(rng, shape))
    (folder / "job.toml").write_text(_job(shape))
    (folder / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in _events()))
    return folder


def _criteria(shape: Shape) -> Any:
    return CRITERIA if shape.channels == "full" else forward_only()


def _client(rng: np.random.Generator, name: str, anchors: dict[str, np.ndarray], shape: Shape) -> Client:
    bad = round(shape.rows * shape.spoiled)
    kinds = ["clean"] * (shape.rows - bad) + [KINDS[i % 3] for i in range(bad)]
    rng.shuffle(kinds)
    rows = [_row(name, i, kind, shape) for i, kind in enumerate(kinds)]
    channels = _channels(rng, kinds, shape)
    settings = SelectionSettings(alpha=shape.alpha)
    return Client(name, rows, kinds, channels, select(channels, anchors, _criteria(shape), settings))


def _row(client: str, i: int, kind: str, shape: Shape) -> Row:
    pick = random.Random(f"{client} {i}")
    topic, fact = pick.choice(list(TOPICS.items()))
    prompt, answer = pick.choice(QUESTIONS).format(topic), pick.choice(ANSWERS).format(topic=topic, fact=fact)
    words = answer.split()
    if kind == "cut":
        answer = " ".join(words[: len(words) // 2])
    elif kind == "deletion":
        answer = " ".join(w for w in words if pick.random() > 0.3)
    elif kind == "exchange":
        other = pick.choice([t for t in TOPICS if t != topic])
        answer = ANSWERS[0].format(topic=other, fact=TOPICS[other])
    if shape.hostile and i < len(HOSTILE):
        prompt, answer = HOSTILE[i]
    record = {"question": prompt, "answer": answer, "clues_label": kind}
    if shape.groups:
        record["group"] = ("ward <b>A</b>", "ward B")[i % 2]
    return Row((Message("user", prompt), Message("assistant", answer)), "data.jsonl", i + 1, record)


def _channels(rng: np.random.Generator, kinds: list[str], shape: Shape) -> dict[str, np.ndarray]:
    """Raw channels: each kind of damage moves the criterion it is made for, and fluency a little."""
    hit = {"cut": "completeness", "deletion": "fluency", "exchange": "relevance"}
    columns: dict[str, np.ndarray] = {}
    for criterion, (mean, spread) in {
        "fluency": (-2.1, 0.4),
        "relevance": (0.9, 0.3),
        "completeness": (-1, 0.8),
    }.items():
        down = np.array([shape.shift if hit.get(k) == criterion else 0.3 * (k != "clean") for k in kinds])
        base = rng.normal(0, 0.8, len(kinds)) - down
        columns[f"{criterion}.forward"] = mean + spread * (base + rng.normal(0, 0.4, len(kinds)))
        if shape.channels == "full" and criterion != "fluency":
            for k in CHECKPOINTS:
                columns[f"{criterion}.gradient@{k}"] = 3e-3 * (base + rng.normal(0, 0.6, len(kinds))) / k
            columns[f"{criterion}.gradient"] = sum(columns[f"{criterion}.gradient@{k}"] for k in CHECKPOINTS)
    if shape.channels == "full":
        for form in ("dot", "adam"):
            columns[f"published.{form}"] = rng.normal(0.02, 0.01, len(kinds))
    return columns


def _write_client(folder: Path, client: Client, anchors: dict[str, np.ndarray], shape: Shape) -> None:
    folder.mkdir(parents=True)
    lines = [json.dumps(row.record, ensure_ascii=False) + "\n" for row in client.rows]
    keep = client.selection.keep
    (folder / "data.jsonl").write_text("".join(lines))
    (folder / "kept.jsonl").write_text("".join(x for x, k in zip(lines, keep, strict=True) if k))
    (folder / "dropped.jsonl").write_text("".join(_dropped(client)))
    aside = {"file": "data.jsonl", "line": len(lines) + 1, "reason": "field answer is missing", "raw": "{}"}
    (folder / "set_aside.jsonl").write_text(json.dumps(aside) + "\n")
    pq.write_table(_scores(client), folder / "scores.parquet")
    if shape.explanations:
        pq.write_table(pa.table(_explanations(client)), folder / "explanations.parquet")
    if shape.power:
        caught = {"cut": 14, "deletion": 15, "exchange": 12}
        _write_json(folder / "power.json", {"kinds": {k: {"caught": n, "rows": 16} for k, n in caught.items()}})
    _write_json(folder / "anchors.json", _anchors(anchors, shape))
    _write_json(folder / "client.json", _client_json(client, shape))


def _dropped(client: Client) -> list[str]:
    s = client.selection
    return [
        json.dumps({"id": row.id, "line": row.line, "reason": s.reason[i], "p": s.p[i], "record": row.record}) + "\n"
        for i, row in enumerate(client.rows)
        if not s.keep[i]
    ]


def _scores(client: Client) -> pa.Table:
    s, rows = client.selection, client.rows
    table: dict[str, Any] = {
        "id": [r.id for r in rows],
        "line": [r.line for r in rows],
        "hash": [r.content_hash for r in rows],
        "tokens": [min(512, 2 + len(r.response) // 4) for r in rows],
        "status": ["scored"] * len(rows),
        "truncated": [len(r.response) > 2000 for r in rows],
    } | client.channels
    for j, name in enumerate(s.criteria):
        table[f"z_{name}"], table[f"p_{name}"] = s.z[:, j], s.p_criterion[:, j]
    table |= {
        "p": s.p,
        "statistic": s.statistic,
        "keep": s.keep,
        "reason": list(s.reason),
        "decision": [""] * len(rows),
    }
    aside = pa.table({"line": [len(rows) + 1], "status": ["field answer is missing"]})
    return pa.concat_tables([pa.table(table), aside], promote_options="default")


def _explanations(client: Client) -> dict[str, Any]:
    """Tokens of at most five characters whose contributions add up to the row's forward channels."""
    table: dict[str, list[Any]] = {"id": [], "start": [], "end": [], "fluency": [], "relevance": []}
    rng = np.random.default_rng(1)
    for i, row in enumerate(client.rows):
        text = row.response[:2000]
        starts = list(range(0, len(text), 5))
        weights = rng.exponential(1, len(starts))
        table["id"].append(row.id)
        table["start"].append(starts)
        table["end"].append([min(s + 5, len(text)) for s in starts])
        table["fluency"].append((weights / weights.sum() * client.channels["fluency.forward"][i]).tolist())
        share = rng.normal(0, 0.02, len(starts))
        share += (client.channels["relevance.forward"][i] - share.sum()) / len(starts)
        table["relevance"].append(share.tolist())
    return table


def _client_json(client: Client, shape: Shape) -> dict[str, Any]:
    about = {"schema_version": 1, "name": client.name, "job": "0123456789ab", "model": "packaged"}
    about |= _counts(client) | {"decided_by_owner": 0, "overlap": {"anchors": {"exact": 0, "near": 0, "prompt": 0}}}
    return about | _rule(shape) | {"anchors": ANCHORS, "warnings": []}


def _rule(shape: Shape) -> dict[str, Any]:
    return {"rule": "conformal", "alpha": shape.alpha, "q": 0.1, "ratio": 0.5, "score": 0.0}


def _counts(client: Client) -> dict[str, Any]:
    reasons = [r for r in client.selection.reason if r]
    kept = int(client.selection.keep.sum())
    return {
        "rows": len(client.rows),
        "set_aside": 0,
        "kept": kept,
        "dropped": len(client.rows) - kept,
        "reasons": {name: reasons.count(name) for name in client.selection.criteria},
        "duplicates": 0,
        "truncated": 0,
        "overlap": 0,
    }


def _anchors(anchors: dict[str, np.ndarray], shape: Shape) -> dict[str, Any]:
    own = select(anchors, anchors, _criteria(shape), SelectionSettings(alpha=shape.alpha))
    return {
        "schema_version": 1,
        **_rule(shape),
        "n": ANCHORS,
        "criteria": {c.name: list(c.channels) for c in _criteria(shape)},
        "channels": {name: values.tolist() for name, values in anchors.items()},
        "z": {name: own.z[:, j].tolist() for j, name in enumerate(own.criteria)},
        "statistic": own.statistic.tolist(),
    }


def _selection(clients: list[Client], shape: Shape) -> dict[str, Any]:
    found: dict[str, Any] = {
        "schema_version": 1,
        **_rule(shape),
        "clients": {c.name: _counts(c) for c in clients},
        "anchors": ANCHORS,
    }
    return found | ({"unseen": {"source": "CancerGov", "rows": 24, "kept": 21}} if shape.unseen else {})


def _metrics(clients: list[Client], shape: Shape) -> dict[str, Any]:
    how = ("federated", "merged")
    nll = {"base": (2.3613, 2.3613), "mixed": (2.1072, 2.1391), "clues": (2.0634, 2.0907), "oracle": (2.0591, 2.0878)}
    models = {
        arm: {
            h: {
                "test_nll": v[i],
                "test_nll_low": v[i] - 0.0913,
                "test_nll_high": v[i] + 0.0871,
                "choice_accuracy": round(1.38 - v[i] / 3, 4),
                "choice_low": round(1.24 - v[i] / 3, 4),
                "choice_high": round(1.47 - v[i] / 3, 4),
            }
            for i, h in enumerate(how)
        }
        for arm, v in nll.items()
    }
    pairs = [("mixed", "oracle"), ("clues", "mixed"), ("clues", "oracle")]
    comparisons = [
        {"a": a, "b": b, "how": h, "difference": d, "low": d - 0.012, "high": d + 0.0155, "n": 32}
        for i, h in enumerate(how)
        for a, b in pairs
        for d in [round(nll[a][i] - nll[b][i], 6)]
    ]
    metrics: dict[str, Any] = {
        "schema_version": 1,
        "job": {"name": "fake", "seed": 0, "hash": "0123456789ab"},
        "version": "0.1.0",
        "date": "2026-11-24",
        "models": models,
        "merges": {
            arm: {"linear": {"samples": {"test_nll": v[1]}}, "ties": {"samples": {"test_nll": v[1] + 0.013}}}
            for arm, v in nll.items()
            if arm != "base"
        },
        "gap_closed": {"federated": 0.9106, "merged": None},
        "comparisons": comparisons,
        "seconds": {
            "setup": 21.4,
            "warm-up": 148.2,
            "scoring": 96.75,
            "selection": 0.31,
            "training": 231.0,
            "evaluation": 44.1,
        },
    }
    return metrics | ({"selection": _measured(clients, shape)} if shape.labels else {})


def _measured(clients: list[Client], shape: Shape) -> dict[str, Any]:
    kinds = np.concatenate([c.kinds for c in clients])
    keep = np.concatenate([c.selection.keep for c in clients])
    scores = np.concatenate([c.selection.statistic for c in clients])
    found = _quality(kinds, keep, scores)
    found |= {"rows": len(kinds), "clean": int((kinds == "clean").sum()), "kept": int(keep.sum())}
    found["kinds"] = {
        k: {
            "auc": _auc(scores[kinds == "clean"], scores[kinds == k]),
            "kept_share": float(keep[kinds == k].mean()),
            "rows": int((kinds == k).sum()),
        }
        for k in KINDS
        if (kinds == k).any()
    }
    found["clients"] = {
        c.name: _quality(np.array(c.kinds), c.selection.keep, c.selection.statistic)
        | {"dropped_share": float(1 - c.selection.keep.mean())}
        for c in clients
    }
    published = {"auc": 0.8491, "f1": 0.5532, "recall": 0.4125, "precision": 0.8462}
    variants = {
        f"{form}, {n} anchors": published | {"auc": 0.78 + n / 1000} for form in ("dot", "adam") for n in (10, 64)
    }
    found["published"] = published | {"which": "adam, 10 anchors", "variants": variants}
    rule = {key: found[key] for key in ("precision", "recall", "f1")}
    found["rules"] = {
        "conformal": rule,
        "fdr": rule | {"good_among_dropped": 0.0811},
        "anchor-mean": rule | {"f1": 0.5616},
    }
    channels = np.unique([name for c in clients for name in c.channels])
    found["channels"] = {
        str(name): {
            "auc": _auc(x[kinds == "clean"], x[kinds != "clean"]),
            "kinds": {k: {"auc": _auc(x[kinds == "clean"], x[kinds == k])} for k in found["kinds"]},
        }
        for name in channels
        if "@" not in name
        for x in [np.concatenate([c.channels[str(name)] for c in clients])]
    }
    if shape.unseen:
        found["unseen"] = {"source": "CancerGov", "rows": 24, "kept_share": 21 / 24}
    return found


def _quality(kinds: np.ndarray, keep: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    clean = kinds == "clean"
    precision = float((clean & keep).sum() / max(1, keep.sum()))
    recall = float((clean & keep).sum() / max(1, clean.sum()))
    return {
        "auc": _auc(scores[clean], scores[~clean]),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / max(1e-9, precision + recall),
        "accuracy": float((clean == keep).mean()),
    }


def _auc(good: np.ndarray, bad: np.ndarray) -> float:
    return float((good[:, None] > bad[None, :]).mean()) if good.size and bad.size else 0.5


def _training(rng: np.random.Generator, shape: Shape) -> dict[str, Any]:
    arms: dict[str, Any] = {}
    for arm, floor in {"mixed": 2.1, "clues": 2.06, "oracle": 2.05}.items():
        rounds = [
            {
                "round": k,
                "clients": {
                    name: {
                        "rows": 8,
                        "train_loss": round(floor + 0.5 / k + float(rng.normal(0, 0.06)), 4),
                        "seconds": round(7 + float(rng.random()), 2),
                        "bytes_down": 1_843_200,
                        "bytes_up": 1_843_456,
                        "error": "",
                    }
                    for name in shape.clients
                    if not (name == "GHR" and arm == "clues" and k == 3)
                },
                "validation_nll": round(floor + 0.3 / k, 4),
                "late": ["GHR"] if arm == "clues" and k == 3 and "GHR" in shape.clients else [],
                "failed": [],
            }
            for k in range(1, 5)
        ]
        arms[arm] = {"rounds": rounds, "alone": [rounds[0] | {"validation_nll": None}]}
    return {"schema_version": 1, "arms": arms}


def _job(shape: Shape) -> str:
    clients = json.dumps(list(shape.clients))
    return (
        f'name = "fake"\nseed = 0\nschema_version = 1\n[sample]\nclients = {clients}\nunseen_source = "CancerGov"\n'
        f'[selection]\nalpha = {shape.alpha}\n[scoring]\nchannels = "{shape.channels}"\n'
    )


def _events() -> list[dict[str, Any]]:
    return [
        {"time": "2026-11-24T13:54:01+00:00", "phase": "warm-up", "done": 1, "total": 4, "eta_s": 110.0, "note": ""},
        {
            "time": "2026-11-24T14:03:00+00:00",
            "phase": "evaluation",
            "done": 4,
            "total": 4,
            "eta_s": 0.0,
            "note": "done",
        },
    ]


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1))
