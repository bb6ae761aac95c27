"""pairs.md: every answer is there, and nothing in it is markup."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clues.evaluation.answers import Answer, AnswersError
from clues.report.pairs import write_pairs

ONE = Answer("1-abc", "d", "What is gout?", "<q>", "A disease.", "Pain.", 3, True)
TWO = replace(ONE, id="2-abc", prompt="And *asthma*?", reference="Of the\nlungs.", answer="x", stopped=False, tokens=9)


def test_question_reference_and_answers_stand_below_one_another(tmp_path):
    mine = [replace(TWO, answer=" "), replace(ONE, answer="A red toe.")]
    write_pairs({"base": [ONE, TWO], "mine_1": mine}, tmp_path / "pairs.md")
    text = (tmp_path / "pairs.md").read_text()
    places = [text.index(part) for part in ("What is gout?", "A disease.", "Pain.", "A red toe.", "And \\*asthma\\*?")]
    assert places == sorted(places)
    assert "> Of the  \n> lungs.  " in text
    assert "**base (stopped after 9 tokens, the limit)**" in text
    assert "**mine\\_1**\n\n> A red toe." in text
    assert "> (nothing)" in text
    with pytest.raises(AnswersError, match="one of two models only"):
        write_pairs({"base": [ONE, TWO], "mine": [ONE]}, tmp_path / "pairs.md")


def test_no_text_is_markup_and_none_steers_a_terminal(tmp_path):
    odd = "<script>alert(1)</script> ![x](http://y/z.png) &lt; `a` # b\n# head\x1b[2J\ud800"
    write_pairs({"base": [replace(ONE, answer=odd, prompt=odd)]}, tmp_path / "pairs.md")
    text = (tmp_path / "pairs.md").read_text(encoding="utf-8")
    assert "\\<script\\>alert(1)\\</script\\> \\!\\[x\\](http://y/z.png) \\&lt; \\`a\\` \\# b" in text
    assert "> \\# head" in text
    assert "\x1b" not in text
    assert "\\ud800" in text
