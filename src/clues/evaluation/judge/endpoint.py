"""One endpoint that speaks OpenAI's chat completions, asked once at a time; what goes wrong there, in words.

The key stands in the `Authorization` header of the requests and nowhere else: texts that come back are searched for it.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clues.errors import JudgeError
from clues.evaluation.judge.address import KEY_VARIABLE, check_url, is_local, read_key, retry_after_s
from clues.evaluation.judge.requests import Refusal, Reply, Request

if TYPE_CHECKING:
    import openai

SILENT = ("Lang", "Package-Version", "OS", "Arch", "Runtime", "Runtime-Version", "Async", "Retry-Count", "Read-Timeout")
"""X-Stainless-…: what the library would tell the endpoint about this machine."""
AGAIN = (408, 409, 425, 429)
"""Statuses below 500 that may pass."""
HOPELESS = (401, 402, 404, 405)
"""Statuses that every other request would get too."""
NO_MONEY = "insufficient_quota"
"""OpenAI's code, under status 429, for an account without credit."""


@dataclass(frozen=True)
class Endpoint:
    """Where the judge is."""

    url: str
    """Up to and without `/chat/completions`, as in `https://api.openai.com/v1`."""
    key: str = field(default="", repr=False)
    key_variable: str = KEY_VARIABLE
    timeout_s: float = 120.0
    """For a whole reply."""

    @staticmethod
    def at(url: str, key_variable: str | None = None, timeout_s: float = 120.0, offline: bool = False) -> Endpoint:
        """An endpoint with the key of an environment variable, if that is set.

        Raises JudgeError for what is no URL, for one that is not on this machine where `offline` is asked for, and
        where a key would cross a network in clear text and its variable was not named.
        """
        local = check_url(url, offline)
        key = read_key(key_variable)
        if key and not local and not url.lower().startswith("https:") and not key_variable:
            raise JudgeError(
                f"the key in {KEY_VARIABLE} would be sent to {url} in clear text: use https, unset {KEY_VARIABLE}, or "
                "name the variable (--key-env) to send it all the same"
            )
        return Endpoint(url, key, key_variable or KEY_VARIABLE, timeout_s)

    @property
    def _unsaid(self) -> list[str]:
        """Headers that the library would add."""
        names = [*(f"X-Stainless-{name}" for name in SILENT), "OpenAI-Organization", "OpenAI-Project"]
        return names if self.key else [*names, "Authorization"]

    def connect(self) -> AbstractAsyncContextManager[openai.AsyncOpenAI]:
        """OpenAI's client, which neither retries (`asking` does) nor follows redirects."""
        import openai

        http = openai.DefaultAsyncHttpxClient(follow_redirects=False, trust_env=not is_local(self.url))
        return openai.AsyncOpenAI(
            api_key=self.key or "none",
            base_url=self.url,
            max_retries=0,
            timeout=self.timeout_s,
            http_client=http,
        )

    async def ask(self, client: openai.AsyncOpenAI, request: Request) -> Reply | Refusal:
        """One attempt. Raises JudgeError for what no other request would escape either, such as a refused key."""
        import openai

        try:
            async with asyncio.timeout(self.timeout_s):  # the client's own is for each piece of a reply
                raw = await client.chat.completions.with_raw_response.create(
                    model=request.model,
                    messages=request.messages,  # type: ignore[arg-type]
                    extra_body=dict(request.sampling),
                    extra_headers=dict.fromkeys(self._unsaid, openai.Omit()),
                )
            return self._reply(raw.text)
        except (TimeoutError, openai.APITimeoutError):
            return Refusal(f"no reply within {self.timeout_s:g} s", again=True)
        except openai.APIConnectionError as error:
            return Refusal(f"connection failed: {self._clean(repr(error.__cause__ or error))}", again=True)
        except openai.APIStatusError as error:
            return self._refusal(error)

    def _reply(self, body: str) -> Reply | Refusal:
        """What a body with status 200 says; one that is broken off or another format may come whole the next time."""
        try:
            found = json.loads(body)
            choice, usage = found["choices"][0], found.get("usage") or {}
            content = choice["message"]["content"]
            counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
            finish, model = choice.get("finish_reason"), found.get("model")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return Refusal(f"not a chat completion: {self._clean(body)!r}", again=True)
        if not isinstance(content, str | None):
            return Refusal(f"its content is no text: {self._clean(body)!r}", again=True)
        prompt, completion = (count if isinstance(count, int) else None for count in counts)
        finish, model = (self._without_key(text) if isinstance(text, str) else None for text in (finish, model))
        return Reply(self._without_key(content or ""), finish, model, prompt, completion)

    def _refusal(self, error: openai.APIStatusError) -> Refusal:
        status = error.status_code
        said = f"status {status}: {self._clean(_message(error))}"
        advice = f"{self.url} answers with {said}{self._advice(status)}"
        if status in HOPELESS or status < 400 or error.code == NO_MONEY:
            raise JudgeError(advice)
        if status == 403:
            return Refusal(said, again=False, forbidden=advice)
        wait_s = retry_after_s(error.response.headers)
        return Refusal(said, again=status in AGAIN or status >= 500, wait_s=wait_s, crowded=status == 429)

    def _advice(self, status: int) -> str:
        if status in (401, 403):
            return f"; the key is read from {self.key_variable}, which is {'set' if self.key else 'not set'}"
        if status < 400:
            return "; redirects are not followed, give the address itself"
        return "; check the address and the judge's name" if status in (404, 405) else ""

    def _clean(self, text: str) -> str:
        """A text of the other side for a message: short, on one line, without the key."""
        line = " ".join(self._without_key(text).split())
        return line if len(line) <= 300 else f"{line[:300]}…"

    def _without_key(self, text: str) -> str:
        return text.replace(self.key, "[key]") if len(self.key) >= 8 else text  # a shorter one is a stand-in, "none"


def _message(error: openai.APIStatusError) -> str:
    body = error.body
    said = body.get("message") if isinstance(body, dict) else None
    return said if isinstance(said, str) else error.response.text
