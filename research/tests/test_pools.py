"""Pools of the selection study: what a row says, what makes a document, and what is left out."""

from __future__ import annotations

import pytest

from clues_research.selection import pools

TABLE = [["", "2019", "2018"], ["Interest expense", "$2,082", "$2,025"], ["Goodwill", "$7", "$8"]]
REASON = "Interest expense rose due to higher average borrowings under the senior notes"
OTHER = "Goodwill is tested every year. " * 20


def count_words(text: str) -> int:
    return len(text.split())


def report(answer: object, *paragraphs: str) -> dict:
    question = "Why did interest expense rise?"
    return {"question": question, "answer": answer, "answer_type": "span", "table": TABLE, "paragraphs": paragraphs}


def case(text: str, right: int = 2, language: str = "en") -> dict:
    heading = {"en": "CORRECT ANSWER:", "es": "CORRECT ANSWER:", "fr": "BONNE RÉPONSE :", "it": "RISPOSTA CORRETTA:"}
    options = "1- Rest.\n2- Surgery.\n3- nan"
    asked = f"QUESTION TYPE: SURGERY\nCLINICAL CASE:\n{text}\n{options}\n{heading[language]} {right}"
    return {"text": f"{asked}\nThe second\none is right."}


def cases(*texts: str) -> dict[str, list[dict]]:
    return {language: [case(text, language=language) for text in texts] for language in pools.LANGUAGES}


def test_report_keeps_the_answers_paragraph_and_mends_its_end(monkeypatch):
    record = report([REASON], OTHER, f"{REASON}. It had been lower.")
    (whole,) = pools.tatqa([record], count_words)
    assert OTHER.strip() in whole["prompt"]
    assert whole["response"] == f"{REASON}."
    monkeypatch.setattr(pools, "LONGEST", 60)
    (short,) = pools.tatqa([record], count_words)
    assert OTHER.strip() not in short["prompt"]
    assert "| 2019 | 2018\nInterest expense | $2,082 | $2,025" in short["prompt"]
    assert REASON in short["prompt"]
    assert count_words(short["prompt"]) + count_words(short["response"]) <= 60
    assert whole["doc"] == short["doc"]


def test_report_without_words_is_no_row_and_one_that_cannot_fit_has_no_prompt(monkeypatch):
    numbers = report(["$ 1", "$ 2", "$ 3", "$ 4", "$ 5", "$ 6", "$ 7", "$ 8"], OTHER)
    assert list(pools.tatqa([numbers], count_words)) == []
    monkeypatch.setattr(pools, "LONGEST", 20)
    (row,) = pools.tatqa([report([REASON], f"{REASON}. {OTHER}")], count_words)
    assert row["prompt"] == ""


def test_parts_of_an_answer_are_told_apart():
    assert pools.joined(["cash", "notes"]) == "cash, notes"
    assert pools.joined(["plant, net", "goodwill"]) == "plant, net; goodwill"
    assert pools.joined(["Sales rose.", "Costs fell."]) == "Sales rose. Costs fell."


def test_one_case_is_one_document_in_every_language_and_exam():
    first = "A woman of 45 years comes with pain in the right lumbar region since two hours ago. What is done?"
    again = "A woman of 45 years comes with pain in the right lumbar region since two hours. What is done first?"
    rows = list(pools.casimedicos(cases(first, "A boy has a cough. Why?", again)))
    assert [row["doc"] for row in rows] == ["case-0", "case-1", "case-0"] * 4
    assert rows[0]["prompt"] == f"{first}\n1- Rest.\n2- Surgery."
    assert rows[0]["response"] == "The second one is right."
    apart = pools.apart(rows)
    assert {(row["doc"], row["language"]) for row in apart} == {("case-0", "en"), ("case-1", "es")}


def test_cases_in_another_order_are_refused():
    languages = cases("A boy has a cough. Why?", "A woman fell. What is done?")
    languages["it"][1] = case("Una donna è caduta.", right=1, language="it")
    with pytest.raises(SystemExit, match="not in one order"):
        list(pools.casimedicos(languages))
    languages["it"][1] = {"text": "Una donna è caduta."}
    with pytest.raises(SystemExit, match="without case"):
        list(pools.casimedicos(languages))


def test_two_judges_of_one_answer_are_one_row_with_the_lower_label():
    record = {
        "qid": "7",
        "question": "What is diabetes?",
        "answer": "Summary : A disease (of sugar).)",
        "source": "CDC",
    }
    (row,) = pools.judged([{**record, "label": 4}, {**record, "label": 3}])
    assert (row["response"], row["label"], row["labels"]) == ("A disease (of sugar).", 3, [4, 3])


def test_clean_tells_what_it_leaves_out(capsys):
    texts = [
        "It is good\nfor the liver.",
        "It is good for the liver.",
        "It is\ufffdbad.",
        "The trial ended.Then it",
        "a) No",
    ]
    records = [{"prompt": "Is it?", "response": pools.folded(text), "doc": str(i % 2)} for i, text in enumerate(texts)]
    kept = pools.clean("trial", records, (*pools.BROKEN, *pools.WHOLE))
    assert [row["response"] for row in kept] == ["It is good for the liver."]
    told = capsys.readouterr().out
    assert "4 of 5" in told
    assert all(why in told for why in ("odd character", "lost space", "no end", "near-duplicate"))
    assert len(pools.clean("trial", records[:2], pools.BROKEN, within="doc")) == 2


def test_marks_go_with_their_period():
    assert [pools.period(year) for year in (2007, 2010, 2011, 2021)] == ["2007-2010"] * 2 + ["2011-2013", "2017-2021"]
