"""Damage to what an answer says: one number, one statement or the subject changes, and nothing else. And typos."""

from __future__ import annotations

import difflib
import random
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clues.data.damage.spoil import HARMLESS, SUBTLE, spoil, spoiled
from clues.data.damage.subjects import Subjects
from clues.data.damage.subtle import _statements, change_number, mistype, negate
from clues.data.pool import packaged_rows
from clues.data.rows import Message, Row
from clues.data.words import own_language, words
from clues.errors import CannotSpoil
from tests.data.damage.test_spoil import CHINESE, make_rows

ROWS = packaged_rows()[::12]
SEEDS = st.integers(0, 10_000)
THOUSANDS = r"[1-9][0-9]{0,2}(([,. ])[0-9]{3})(\2[0-9]{3})?"
FORMATS = ["[1-9][0-9]{0,5}", "0", "0[.,]0?[1-9]", THOUSANDS, "[1-9]?[0-9][.][0-9]{1,2}"]
NUMBERS = st.one_of([st.from_regex(format_, fullmatch=True) for format_ in FORMATS])


def changes(old: str, new: str) -> list[tuple[str, str]]:
    """What stands in place of what, word by word."""
    a, b = re.split(r"(\W+)", old), re.split(r"(\W+)", new)
    matched = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    return [("".join(a[i:j]), "".join(b[k:m])) for tag, i, j, k, m in matched if tag != "equal"]


@given(number=NUMBERS, seed=SEEDS)
def test_a_number_keeps_its_format_and_changes_everywhere(number: str, seed: int) -> None:
    text = f"Take {number} mg ({number}), nothing more."
    new = change_number(text, random.Random(seed), ())
    assert new is not None
    found = re.fullmatch(r"Take (.+) mg \((.+)\), nothing more\.", new)
    assert found is not None
    one, two = found.groups()
    assert one == two != number
    assert re.sub(r"\d", "0", one) == re.sub(r"\d", "0", number)
    year = re.fullmatch("(1[89]|20)(?!00)[0-9]{2}", number)  # a round year becomes any year
    if re.search("[1-9]", number) and not year:  # not zero itself: as large and as round as it was
        assert one.strip("0.,") == one[len(number) - len(number.lstrip("0.,")) :][: len(number.strip("0.,"))]


@pytest.mark.parametrize(("year", "range_"), [("1990", "19.."), ("2002", r"20[0-2]\d")])
def test_a_year_stays_one(year: str, range_: str) -> None:
    for seed in range(50):
        text = change_number(f"It was found in {year}.", random.Random(seed), ())
        assert re.fullmatch(f"It was found in (?!{year}){range_}\\.", str(text))


@pytest.mark.parametrize(
    ("text", "old", "same"),
    [
        ("The CYP2 gene and 40 others in type-1 disease.", "40", "CYP2"),
        ("About 1 in 12,500 people.", "1|12,500", "people"),
        ("Das T4 steigt.", "4", "Das"),
        ("患者每天服药3次。", "3", "次"),
    ],
)
def test_a_number_of_its_own_goes_before_one_in_a_name(text: str, old: str, same: str) -> None:
    for seed in range(20):
        new = change_number(text, random.Random(seed), ())
        assert new is not None
        assert [re.fullmatch(old, a) is not None or a for a, _ in changes(text, new)] != []
        assert same in new
        assert re.sub(r"\d", "0", new) == re.sub(r"\d", "0", text)
        assert new != text


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("There are two kinds of it. Two of them are rare.", r"There are (\w+) kinds of it\. (\w+) of them are rare\."),
        ("Hay dos tipos de la enfermedad.", r"Hay (?!dos)(\w+) tipos de la enfermedad\."),
        ("Il y a trois types de la maladie.", r"Il y a (?!trois)(\w+) types de la maladie\."),
        ("Ci sono venti forme della malattia.", r"Ci sono (trenta|\w+anta) forme della malattia\."),
    ],
)
def test_a_number_word_changes_where_there_are_no_digits(text: str, pattern: str) -> None:
    for seed in range(20):
        new = change_number(text, random.Random(seed), ())
        match = re.fullmatch(pattern, str(new))
        assert match is not None
        assert len({word.lower() for word in match.groups()}) == 1
        assert new != text
        assert [word[0].isupper() for word in re.findall(r"\w+", str(new))] == [
            word[0].isupper() for word in re.findall(r"\w+", text)
        ]


FLIPS = [
    ("Gout is a disease of the joints.", "Gout is not a disease of the joints."),
    ("There is no cure for the disease.", "There is a cure for the disease."),
    ("The two drugs can be taken together.", "The two drugs cannot be taken together."),
    ("You should see the doctor.", "You should not see the doctor."),
    ("It doesn't spread from the skin.", "It does spread from the skin."),
    ("What is gout? Gout affects the joints.", "What is gout? Gout does not affect the joints."),
    ("Smoking, an increased risk of the disease.", "Smoking, a decreased risk of the disease."),
    ("La gota es una enfermedad.", "La gota no es una enfermedad."),
    ("No se puede curar la gota.", "Se puede curar la gota."),
    ("La goutte est une maladie.", "La goutte n'est pas une maladie."),
    ("Il n’y a pas de vaccin contre la grippe.", "Il y a de vaccin contre la grippe."),
    ("La gotta è una malattia.", "La gotta non è una malattia."),
    ("Non può essere curata con la dieta.", "Può essere curata con la dieta."),
]


@pytest.mark.parametrize(("text", "opposite"), FLIPS, ids=[text for text, _ in FLIPS])
def test_a_statement_becomes_its_opposite(text: str, opposite: str) -> None:
    assert negate(text, random.Random(0), ()) == opposite


@pytest.mark.parametrize(
    "text",
    [
        "Is gout inherited from the parents?",
        "The pain usually is by no means the worst of it.",
        "Die Gicht ist eine Krankheit, die nicht durch das Wasser kommt.",
        "The vaccine of May 2010 against the flu.",
        "Rest.",
        "",
        *CHINESE,
    ],
)
def test_no_place_to_turn(text: str) -> None:
    assert negate(text, random.Random(0), ()) is None


def test_the_firmer_statement_is_turned() -> None:
    for seed in range(20):
        new = negate("It may hurt, but the bone is not broken.", random.Random(seed), ())
        assert new == "It may hurt, but the bone is broken."


def test_what_was_turned_can_be_turned_back() -> None:
    """By an entry of its own, or because one of the two has a negator that the other lacks."""
    for language, table in _statements().items():
        for pairs in (table.negations, table.opposites):
            for old, new in pairs.items():
                here, there = (sum(word in table.negators for word in words(phrase)) for phrase in (old, new))
                assert new in pairs or here != there, (language, old, new)


@pytest.mark.parametrize("seed", range(3))
def test_one_place_of_a_real_answer_is_turned(seed: int) -> None:
    flipped = 0
    for row in ROWS:
        new = negate(row.response, random.Random(seed), ())
        if new is None:
            continue
        flipped += 1
        before = next(i for i, (a, b) in enumerate(zip(row.response, new + "\0", strict=False)) if a != b)
        after = next(i for i, (a, b) in enumerate(zip(row.response[::-1], new[::-1] + "\0", strict=False)) if a != b)
        assert len(row.response) - before - after <= 16
        assert abs(len(words(new)) - len(words(row.response))) <= 2
    assert flipped > 0.95 * len(ROWS)


@pytest.mark.parametrize("seed", range(3))
def test_a_real_answer_keeps_all_but_its_number(seed: int) -> None:
    rows = [row for row in ROWS if re.search(r"\d", row.response)]
    assert len(rows) > 40
    for row in rows:
        new = change_number(row.response, random.Random(seed), ())
        assert new != row.response
        assert re.sub(r"\d", "0", str(new)) == re.sub(r"\d", "0", row.response)
        assert len({number for number, _ in changes(row.response, str(new))}) <= 3


def test_the_subject_becomes_another_everywhere() -> None:
    rows = make_rows(12)
    names = [words(row.prompt)[2] for row in rows]
    for name, row, result in zip(names, rows, spoiled(rows, "name", 0), strict=True):
        (other,) = {word for word in words(result.response) if word in names}
        assert other != name
        # "gout" is the subject, "goutoid" is another word; both mentions go, one of them at the beginning
        capital = other.capitalize() if row.response[0].isupper() else other
        expected = re.sub(rf"\b{name}\b", other, row.response[len(name) :])
        assert result.response == capital + expected
        assert result.record["clues_label"] == "name"


def test_a_name_is_taken_whole_and_as_it_is_written() -> None:
    prompts = ["What causes Tietze Syndrome ?", "What causes heart failure ?", "What causes gout ?", "Is it rare ?"]
    answers = [
        "The cause of Tietze syndrome is unknown. Many people recover.",
        "Heart failure comes with age. The symptoms of heart failure are many.",
        "Gout comes with age. Many people have gouts for years.",
        "Yes.",
    ]
    seen = {text for seed in range(40) for text in spoil(answers[:3], "name", random.Random(seed), prompts[:3])}
    assert seen == {
        "The cause of heart failure is unknown. Many people recover.",
        "The cause of gout is unknown. Many people recover.",
        "Tietze syndrome comes with age. The symptoms of Tietze syndrome are many.",
        "Gout comes with age. The symptoms of gout are many.",
        "Tietze syndrome comes with age. Many people have Tietze syndromes for years.",
        "Heart failure comes with age. Many people have heart failures for years.",
    }
    with pytest.raises(CannotSpoil, match="response 3: cannot be spoiled by name, which needs an uncommon word"):
        spoil(answers, "name", random.Random(0), prompts)
    with pytest.raises(CannotSpoil, match="response 0"):
        spoil(answers[:1], "name", random.Random(0), prompts[:1])


def test_a_part_of_a_name_is_no_subject() -> None:
    prompts = ["What is finger swelling disorder ?", "What is gout ?", "What is finger ?"]
    subjects = Subjects(prompts, ["The finger hurts.", "Gout hurts.", "The finger hurts."])
    assert subjects.swapped(0, ["The finger hurts."], random.Random(0)) is None
    assert subjects.swapped(2, ["The finger hurts."], random.Random(0)) == ("The gout hurts.",)


def test_real_answers_keep_all_but_the_subject() -> None:
    rows = [row for row in packaged_rows() if row.record["source"] == "GHR"][:150]
    subjects = Subjects([row.prompt for row in rows], [row.response for row in rows])
    found = {at: subjects.swapped(at, row.responses, random.Random(at)) for at, row in enumerate(rows)}
    swapped = {at: texts[0] for at, texts in found.items() if texts}
    assert len(swapped) > 0.7 * len(rows)
    names = {subject.name for subject in subjects._named}
    for at, text in swapped.items():
        mine = subjects._subjects[at]
        assert mine is not None
        old = masked(masked(rows[at].response, " ".join(mine.full)), " ".join(mine.core))
        assert any(masked(text, name) == old for name in names)
        assert all(name.lower() not in rows[at].prompt.lower() for name in names if masked(text, name) == old)


def masked(text: str, name: str) -> str:
    """The text with a mark where the name stands, in whatever case, singular or plural."""
    pattern = r"[^a-z0-9]+".join(map(re.escape, re.split(r"[^\w'-]+", name)))
    return re.sub(rf"\b{pattern}(?=(e?s|'s)?\b)", "§", text, flags=re.IGNORECASE)


@given(seed=SEEDS)
def test_typos_are_slips_in_one_long_word_of_twelve(seed: int) -> None:
    for row in ROWS[::5]:
        typed = str(mistype(row.response, random.Random(seed), ()))
        old, new = re.findall(r"\w+", row.response), re.findall(r"\w+", typed)
        changed = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
        assert 1 <= len(changed) <= max(1, round(len(words(row.response)) / 12))
        for a, b in changed:
            more, less = Counter(b) - Counter(a), Counter(a) - Counter(b)
            assert (more.total(), less.total()) in ((0, 0), (1, 0), (0, 1))
            assert more.keys() <= Counter(a).keys()
            assert re.search(r"[^\W\d_]{4}", a)
            assert a[0] == b[0]


def test_no_word_for_a_typo() -> None:
    with pytest.raises(CannotSpoil, match="a word of at least four letters"):
        spoil(["It is so."], "typos", random.Random(0))


@pytest.mark.parametrize("kind", [*SUBTLE, *HARMLESS])
def test_several_turns(kind: str) -> None:
    def chat(name: str, line: int) -> Row:
        turns = [
            ("user", "Tell me more."),
            ("assistant", f"The {name} is a disease of 20 joints."),
            ("user", f"Who gets {name} ?"),
            ("assistant", f"Mostly men with {name}; it is rare under 20."),
            ("user", f"And how old is {name} ?"),
            ("assistant", "Old."),
        ]
        record = {"messages": [{"role": role, "content": text} for role, text in turns]}
        return Row(tuple(Message(*turn) for turn in turns), "x.jsonl", line, record)

    rows = [chat("gout", 1), chat("asthma", 2)]
    for row, result in zip(rows, spoiled(rows, kind, 0), strict=True):
        assert [m["content"] for m in result.record["messages"]] == [m.content for m in result.messages]
        assert result.prompt == row.prompt
        first, second, last = (a != b for a, b in zip(row.responses, result.responses, strict=True))
        assert first
        assert second
        assert not last  # too short to be changed: it stays as it is


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The disease is rare.", "English"),
        ("La enfermedad es muy rara.", "Spanish"),
        ("La maladie est très rare.", "French"),
        ("La malattia è molto rara.", "Italian"),
        ("Die Krankheit ist selten.", "German"),
        ("Sjukdomen är sällsynt.", "Swedish"),
        ("糖尿病", None),
        ("", None),
    ],
)
def test_language_of_a_text(text: str, language: str | None) -> None:
    assert own_language(text) == language
