"""What a word is: in many languages, and for any text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clues.data.words import join, piece_spans, pieces, spans, whole_words, words

LANGUAGES = [
    ("English", "Don't smoke (ever)!", "don't smoke ever", "Don't smoke (ever)!"),
    ("apostrophes of print", "the patients’ Crohn’s", "the patients crohn’s", "the patients’ Crohn’s"),
    ("hyphens", "COVID-19: - self‐made, non‑stop", "covid-19 self‐made non‑stop", "COVID-19: - self‐made, non‑stop"),
    ("numbers with points", "3.5 mg/dl, 10,000", "3 5 mg dl 10 000", "3.5 mg/dl, 10,000"),
    ("numbers of other kinds", "½ m² ٣٤ Ⅳ", "½ m² ٣٤ ⅳ", "½ m² ٣٤ Ⅳ"),
    ("underscores", "__init__ of gn_rh __", "init of gn_rh", "__init__ of gn_rh __"),
    ("French", "l’été – aujourd'hui", "l’été aujourd'hui", "l’été – aujourd'hui"),
    ("German", "Die Straße, »groß«", "die strasse gross", "Die Straße, »groß«"),
    ("Turkish", "İstanbul", "i̇stanbul", "İstanbul"),
    ("Greek", "Ὀδυσσεύς.", "ὀδυσσεύσ", "Ὀδυσσεύς."),
    ("Russian", "Что-то «важное»", "что-то важное", "Что-то «важное»"),
    ("Vietnamese, decomposed", unicodedata.normalize("NFD", "Việt Nam"), "việt nam", None),
    ("Hebrew with points", "שָׁלוֹם, עולם", "שָׁלוֹם עולם", "שָׁלוֹם, עולם"),
    ("Arabic with marks", "العَرَبِيَّة؟", "العَرَبِيَّة", "العَرَبِيَّة؟"),
    ("Persian with a joiner", "می‌خواهم بروم", "می‌خواهم بروم", "می‌خواهم بروم"),
    ("Hindi", "हिन्दी में।", "हिन्दी में", "हिन्दी में।"),
    ("Tamil", "தமிழ் மொழி", "தமிழ் மொழி", "தமிழ் மொழி"),
    ("Korean", "한국어 텍스트를", "한국어 텍스트를", "한국어 텍스트를"),
    ("Chinese", "他说：「好」。ok", "他 说 好 ok", "他 说： 「好」。 ok"),
    ("rare Han", "𠮷野", "𠮷 野", "𠮷 野"),
    ("Japanese", "コーヒーを（飲む）", "コ ー ヒ ー を 飲 む", "コ ー ヒ ー を （飲 む）"),
    ("Japanese, decomposed", "\u304b\u3099き", "が き", "\u304b\u3099 き"),
    ("Thai", "ไม่มี 12 วัน", "ไ ม่ มี 12 วั น", "ไ ม่ มี 12 วั น"),
    ("Lao", "ພາສາ", "ພ າ ສ າ", "ພ າ ສ າ"),
    ("Burmese", "မြန်မာ", "မြ န် မာ", "မြ န် မာ"),
    ("Khmer", "ខ្មែរ", "ខ្ មែ រ", "ខ្ មែ រ"),
    ("full width", "ＡＢＣ１２、漢", "ａｂｃ１２ 漢", "ＡＢＣ１２、 漢"),
    ("emoji", "good 👍🏽, ❤️ 👩‍👩‍👧", "good", "good 👍🏽, ❤️ 👩‍👩‍👧"),
    ("a key", "1️⃣ first", "1️⃣ first", "1️⃣ first"),
    ("nothing but punctuation", "– … ?!", "", "– … ?!"),
]

SIGNS = "aB1é\u0301ßİ '’-_\u2010.,/()«» \n\t\u00a0漢字かカー「」。、ไม่กັຂྱहिंदी\u200c\u200d\u00ad👍🏽❤️½²٣"
"""Signs that stand beside one another in no order: where rules of cutting go wrong."""
TEXTS = st.text() | st.text(st.sampled_from(SIGNS), max_size=30)


@pytest.mark.parametrize(("language", "text", "found", "written"), LANGUAGES)
def test_a_text_has_these_words_and_pieces(language: str, text: str, found: str, written: str | None):
    assert words(text) == found.split(), language
    assert [text[i:j] for i, j in piece_spans(text)] == (text if written is None else written).split(), language


@given(TEXTS)
@example("a\u0301b")
@example("ครับ1ๆ")
def test_every_letter_and_digit_is_in_one_word(text: str):
    inside = [at for _, start, end in spans(text) for at in range(start, end)]
    assert inside == sorted(set(inside))
    assert set(inside) >= {at for at, sign in enumerate(text) if unicodedata.category(sign)[0] in "LN"}
    assert all(start < end for _, start, end in spans(text))


@given(TEXTS)
def test_a_word_begins_and_ends_with_no_punctuation(text: str):
    for _, start, end in spans(text):
        assert unicodedata.category(text[start])[0] not in "PZSM"  # not LN: Python's Unicode may be older
        assert unicodedata.category(text[end - 1])[0] not in "PZS"


@given(TEXTS)
def test_every_piece_lies_between_spaces_and_every_sign_in_one(text: str):
    inside = [at for start, end in piece_spans(text) for at in range(start, end)]
    assert inside == [at for at, sign in enumerate(text) if not _is_space(sign)]


@given(TEXTS)
def test_every_word_lies_in_one_piece(text: str):
    places = piece_spans(text)
    assert all(sum(i <= start and end <= j for i, j in places) == 1 for _, start, end in spans(text))


@given(TEXTS)
def test_pieces_join_to_the_text(text: str):
    end = max((end for _, end in piece_spans(text)), default=0)
    assert join(pieces(text)) == text[:end]


@given(TEXTS, TEXTS)
def test_words_of_two_texts_side_by_side_are_those_of_both(one: str, other: str):
    assert words(f"{one}\n{other}") == words(one) + words(other)
    assert len(piece_spans(f"{one}\n{other}")) == len(piece_spans(one)) + len(piece_spans(other))


@given(TEXTS)
def test_case_and_composition_make_no_other_word(text: str):
    assert words(text) == words(unicodedata.normalize("NFC", text)) or _changes_when_composed(text)
    assert all(word == unicodedata.normalize("NFC", word) for word in words(text))


def test_a_space_goes_between_words_but_not_beside_a_sign_of_a_script_without_them():
    assert join(["one", "two"]) == "one two"
    assert join(["one", "漢", "「字」。", "two"]) == "one漢「字」。two"


def test_a_pattern_of_whole_words_finds_them_in_no_longer_word():
    assert whole_words("not|no").findall("no, not: not-for-profit, don't, knot, no’s, _no_ (not)") == [
        "no",
        "not",
        "not",
    ]


def _is_space(sign: str) -> bool:
    """White space in Unicode's sense; Python counts four control characters more."""
    return sign.isspace() and sign not in "\x1c\x1d\x1e\x1f"


def _changes_when_composed(text: str) -> bool:
    return any(unicodedata.normalize("NFC", sign) != sign for sign in text)


@given(st.text(st.characters(codec="ascii"), max_size=40))
@example("Don't__smoke-- COVID-19_'x 3.5")
def test_the_short_way_of_plain_text_finds_the_same_words(text):
    assert words(text) == [word for word, _, _ in spans(text)]
