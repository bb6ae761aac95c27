"""pairs.md: every answer is there, and nothing in it is markup."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from clues.errors import AnswersError
from clues.evaluation.answers.answer import Answer
from clues.evaluation.answers.pairs import write_pairs

ONE = Answer("1-abc", "d", "What is gout?", "<q>", "A disease.", "Pain.", 3, True)
ALL_SIGNS = "-+=:.)(*_#>~`|<&![]^$@/\\\\\n\t 019abw"
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
    assert "\\<script\\>alert(1)\\</script\\> \\!\\[x\\](http\\://y/z.png) \\&lt; \\`a\\` \\# b" in text
    assert "> \\# head" in text
    assert "\x1b" not in text
    assert "\\ud800" in text


def shown(text, folder):
    """The tags of an answer in pairs.md, as a viewer has them, and the text between."""
    write_pairs({"base": [replace(ONE, answer=text)]}, folder / "pairs.md")
    viewer = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    answer = (folder / "pairs.md").read_text(encoding="utf-8").split("**base**")[1]
    tokens = [token for block in viewer.parse(answer) for token in (block.children or [block])]
    return {token.tag for token in tokens} - {""}, "".join(
        token.content if token.type in ("text", "code_inline") else "\n" if token.tag in ("br", "p") else ""
        for token in tokens
    )


@pytest.mark.parametrize(
    "line", ["- iron", "+ iron", "-", "---", "===", "=", "1. iron", "007) iron", "12.", ":-", "- - -", "-\tiron"]
)
def test_a_line_begins_no_list_heading_rule_or_table(tmp_path, line):
    for text in (line, f"Take this:\n{line}\nand rest", f"Take this:\n\n  {line}"):
        tags, read = shown(text, tmp_path)
        assert tags <= {"blockquote", "p", "br"}
        assert read.split() == text.split()


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.text(ALL_SIGNS, max_size=24))
def test_every_text_reads_as_it_was_written(tmp_path_factory, text):
    tags, read = shown(text, tmp_path_factory.getbasetemp())
    assert tags <= {"blockquote", "p", "br"}
    assert read.split() == (text.split() or ["(nothing)"])


def test_a_number_stays_as_it_is_and_an_address_is_no_link(tmp_path):
    text = "1.5 mg\n-2 of 3\nSee https://a.org/b?c=1, WWW.a.org or ftp://a.org, ask me@a.org: 10:30"
    _, read = shown(text, tmp_path)
    assert read.split() == text.split()
    written = (tmp_path / "pairs.md").read_text()
    assert "> 1.5 mg  \n> \\-2 of 3  \n" in written
    assert "https\\://a.org/b?c=1, WWW\\.a.org or ftp\\://a.org, ask me\\@a.org: 10:30" in written
