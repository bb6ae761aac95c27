"""What the judge is told: text files with places for question, reference and answers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from clues.disk.reading import read_text
from clues.errors import JudgeError

How = Literal["reference", "pairs"]
"""One answer against the reference, 0 to 1; or two answers side by side, 1 to 10 each."""
NEEDED: Mapping[How, frozenset[str]] = {
    "reference": frozenset({"question", "reference", "answer"}),
    "pairs": frozenset({"question", "answer_a", "answer_b"}),
}
PLACE = re.compile(r"\{(question|reference|answer|answer_a|answer_b)\}")


@dataclass(frozen=True)
class Prompt:
    """A text with places such as `{question}`; other braces stand for themselves."""

    how: How
    text: str

    @property
    def version(self) -> str:
        """12 hex digits of the text's SHA-256: another wording is another judge."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    def fill(self, **texts: str) -> str:
        """The text with every place filled once: what looks like a place in an answer stays as it is."""
        return PLACE.sub(lambda place: texts[place[1]], self.text)


def packaged_prompt(how: How) -> Prompt:
    """The prompt that comes with clues."""
    return Prompt(how, files("clues.packaged").joinpath("judge", f"{how}.txt").read_text(encoding="utf-8"))


def read_prompt(file: Path) -> Prompt:
    """A prompt of the user's own; its places say what it is for. Raises JudgeError where one is missing."""
    text = read_text(file)
    places = set(PLACE.findall(text))
    how: How = "pairs" if places & {"answer_a", "answer_b"} else "reference"
    missing = sorted(NEEDED[how] - places)
    if missing or (how == "pairs" and "answer" in places):
        needed = " or ".join(" ".join(f"{{{name}}}" for name in sorted(names)) for names in NEEDED.values())
        wrong = f"without {{{missing[0]}}}" if missing else "with {answer} beside {answer_a}"
        raise JudgeError(f"{file}: a judge's prompt {wrong}; it needs {needed}")
    return Prompt(how, text)


def prompts_from(given: Sequence[Path]) -> dict[How, Prompt]:
    """The packaged prompts, with those in files in their place. Raises JudgeError for two files for one thing."""
    found: dict[How, Prompt] = {how: packaged_prompt(how) for how in NEEDED}
    own: dict[How, Path] = {}
    for file in given:
        prompt = read_prompt(file)
        if prompt.how in own:
            raise JudgeError(f"{own[prompt.how]} and {file} are both prompts for {prompt.how}; give one")
        own[prompt.how], found[prompt.how] = file, prompt
    return found
