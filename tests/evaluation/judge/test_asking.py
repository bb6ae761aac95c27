"""An endpoint that misbehaves: what may pass is asked again, the rest is told, and the key stays where it belongs."""

from __future__ import annotations

import time
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path

import pytest

from clues.errors import JudgeError
from clues.evaluation.judge.asking import GIVE_UP, Manners, ask_all
from clues.evaluation.judge.cache import ReplyCache
from clues.evaluation.judge.endpoint import Endpoint
from clues.evaluation.judge.requests import Refusal, Reply, Request
from tests.helpers.judge_server import KEY, Asked, Served, Server, completion, problem, serving

QUICK = Manners(retries=3, backoff_s=0.01)
GOOD = completion("Score: 0.7")


@pytest.fixture(autouse=True)
def _key(monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-another-endpoint")


def ask(
    server: Server, folder: Path, prompts: tuple[str, ...] = ("q",), manners: Manners = QUICK, timeout_s: float = 5.0
) -> list[Reply | Refusal]:
    """What becomes of one request per prompt, in order."""
    requests = [Request(server.url, "big", prompt) for prompt in prompts]
    endpoint = Endpoint.at(server.url, timeout_s=timeout_s)
    found = ask_all(requests, endpoint, ReplyCache(folder), manners, lambda *_: None)
    return [found[request.key] for request in requests]


def everything_in(folder: Path) -> str:
    return "".join(file.read_text() for file in folder.rglob("*") if file.is_file())


def test_a_request_is_what_openai_describes_and_says_nothing_else(tmp_path):
    with serving(lambda *_: GOOD) as server:
        (reply,) = ask(server, tmp_path)
    assert reply == Reply("Score: 0.7", "stop", "served", 10, 3)
    (asked,) = server.asked
    messages = [{"role": "user", "content": "q"}]
    assert asked.body == {"model": "big", "messages": messages, "temperature": 0, "max_tokens": 256}
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    about_us = [name for name in asked.headers if "stainless" in name or "openai" in name]
    assert about_us == ["x-stainless-raw-response"]  # how the library tells itself what to return


def test_without_a_key_no_header_is_sent(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with serving(lambda *_: GOOD) as server:
        ask(server, tmp_path)
    assert "authorization" not in server.asked[0].headers


PASSING = {
    "429": problem(429, "slow down"),
    "429 without a body": Served(status=429),
    "500": problem(500),
    "503 in HTML": Served("<html>busy</html>", 503, {"Content-Type": "text/html"}),
    "408": problem(408),
    "cut body": Served(GOOD.body, announced=len(GOOD.body) + 50),
    "cut stream": Served(str(GOOD.body)[:40], chunked=True),
    "half a JSON": Served(str(GOOD.body)[:40]),
    "no JSON": Served("<html>welcome</html>", 200, {"Content-Type": "text/html"}),
    "empty body": Served(""),
    "other JSON": Served('{"choices": []}'),
    "list": Served("[1, 2]"),
    "content of parts": completion([{"type": "text", "text": "0.7"}]),  # type: ignore[arg-type]
    "error within 200": Served('{"error": {"message": "overloaded"}}'),
    "slow": Served(GOOD.body, wait_s=1.0),
    "dripping": Served(GOOD.body, drip_s=0.05),
}


def patience(bad: Served) -> float:
    """Seconds for a reply: so few for a slow one that it is late, and so many for others that none is."""
    return 0.5 if bad.wait_s or bad.drip_s else 20.0


@pytest.mark.parametrize("bad", PASSING.values(), ids=PASSING)
def test_what_may_pass_is_asked_again(bad, tmp_path):
    with serving(lambda n, _: bad if n < 2 else GOOD) as server:
        (reply,) = ask(server, tmp_path, timeout_s=patience(bad))
    assert isinstance(reply, Reply)
    assert reply.text == "Score: 0.7"
    assert len(server.asked) == 3


@pytest.mark.parametrize("bad", PASSING.values(), ids=PASSING)
def test_what_does_not_pass_is_a_refusal_with_its_reason_and_is_not_cached(bad, tmp_path):
    with serving(lambda *_: bad) as server:
        (refusal,) = ask(server, tmp_path, manners=Manners(retries=1, backoff_s=0.01), timeout_s=patience(bad))
    assert isinstance(refusal, Refusal)
    assert refusal.why
    assert len(server.asked) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_closed_port_is_a_refusal(tmp_path):
    with serving(lambda *_: GOOD) as server:
        pass
    (refusal,) = ask(server, tmp_path, manners=Manners(retries=1, backoff_s=0.01))
    assert isinstance(refusal, Refusal)
    assert "connection failed" in refusal.why


def test_the_pause_doubles(tmp_path):
    with serving(lambda *_: problem(500)) as server:
        ask(server, tmp_path, manners=Manners(retries=3, backoff_s=0.1))
    gaps = [after.at - before.at for before, after in pairwise(server.asked)]
    for gap, base in zip(gaps, (0.1, 0.2, 0.4), strict=True):
        assert gap > 0.7 * base


@pytest.mark.parametrize("told", ["0.5", "date"])
def test_retry_after_is_honoured_by_every_request(told, tmp_path):
    """The first is told to wait; none of the others starts before that either."""

    def script(n: int, _: object) -> Served:
        date = formatdate(time.time() + 2, usegmt=True)  # of whole seconds
        return problem(429, Retry_After=date if told == "date" else told) if n == 0 else GOOD

    with serving(script) as server:
        found = ask(server, tmp_path, ("a", "b", "c"), manners=Manners(concurrency=1, retries=1, backoff_s=0.01))
    assert all(isinstance(reply, Reply) for reply in found)
    assert server.asked[1].at - server.asked[0].at > (0.45 if told != "date" else 0.9)


def test_a_pause_of_one_request_holds_the_others_too(tmp_path):
    """The second comes back well within the pause that the first was told, and its slot is free."""

    def script(n: int, _: object) -> Served:
        return problem(429, Retry_After="1.0") if n == 0 else Served(GOOD.body, wait_s=0.5 if n == 1 else 0)

    with serving(script) as server:
        ask(server, tmp_path, tuple("abcdef"), manners=Manners(concurrency=2, retries=2, backoff_s=0.01))
    assert len(server.asked) == 7
    assert all(asked.at - server.asked[0].at > 0.95 for asked in server.asked[2:])


def test_too_long_a_pause_is_a_failure_and_not_a_night_of_waiting(tmp_path):
    with serving(lambda *_: problem(429, "tomorrow", Retry_After="80000")) as server:
        (refusal,) = ask(server, tmp_path)
    assert isinstance(refusal, Refusal)
    assert "tomorrow; it asks to wait 80000 s" in refusal.why
    assert len(server.asked) == 1


def test_a_bad_request_fails_alone_and_at_once(tmp_path):
    with serving(lambda _, asked: problem(400, "too long") if asked.prompt == "b" else GOOD) as server:
        a, b, c = ask(server, tmp_path, ("a", "b", "c"))
    assert isinstance(a, Reply)
    assert isinstance(c, Reply)
    assert b == Refusal("status 400: too long", again=False)
    assert len(server.asked) == 3


FATAL = {
    "wrong key": (problem(401, f"Incorrect API key provided: {KEY}"), "OPENAI_API_KEY, which is set"),
    "no such model": (problem(404, "no model big"), "no model big; check the address and the judge's name"),
    "redirect": (Served("", 307, {"Location": "http://localhost:1/v1"}), "redirects are not followed"),
    "no credit": (
        Served('{"error": {"message": "no credit", "code": "insufficient_quota"}}', 429),
        "no credit",
    ),
}


@pytest.mark.parametrize(("bad", "said"), FATAL.values(), ids=FATAL)
def test_what_every_request_would_meet_ends_it_with_one_line_and_without_the_key(bad, said, tmp_path):
    with serving(lambda n, _: GOOD if n == 0 else bad) as server, pytest.raises(JudgeError) as raised:
        ask(server, tmp_path, ("a", "b", "c", "d"), manners=Manners(concurrency=1, backoff_s=0.01))
    assert said in str(raised.value)
    assert KEY not in str(raised.value)
    assert len(server.asked) == 2
    assert len(list(tmp_path.iterdir())) == 1  # the first reply is kept


def test_a_forbidden_first_request_ends_it_at_once(tmp_path):
    with (
        serving(lambda *_: problem(403, "wrong key")) as server,
        pytest.raises(JudgeError, match="403: wrong key; the key"),
    ):
        ask(server, tmp_path, ("a", "b", "c"), manners=Manners(concurrency=1))
    assert len(server.asked) == 1


def test_a_forbidden_text_is_refused_alone_once_a_reply_has_come_or_is_cached(tmp_path):
    """The second time nothing but the forbidden one is asked."""
    with serving(lambda _, asked: problem(403, "flagged") if asked.prompt == "b" else GOOD) as server:
        for times in (3, 4):
            a, b, c = ask(server, tmp_path, ("a", "b", "c"), manners=Manners(concurrency=1))
            assert isinstance(a, Reply)
            assert isinstance(c, Reply)
            assert isinstance(b, Refusal)
            assert (b.why, b.again, len(server.asked)) == ("status 403: flagged", False, times)


def test_a_forbidden_text_that_is_quicker_than_the_first_reply_is_refused_alone(tmp_path):
    def script(_: int, asked: Asked) -> Served:
        return problem(403, "flagged") if asked.prompt == "b" else Served(GOOD.body, wait_s=0.5)

    with serving(script) as server:
        a, b, c = ask(server, tmp_path, ("a", "b", "c"), manners=Manners(concurrency=3))
    assert isinstance(a, Reply)
    assert isinstance(c, Reply)
    assert isinstance(b, Refusal)
    assert b.why == "status 403: flagged"


def test_an_endpoint_that_is_down_is_left_alone(tmp_path):
    prompts = tuple(map(str, range(20)))
    with serving(lambda *_: problem(500)) as server:
        found = ask(server, tmp_path, prompts, manners=Manners(concurrency=1, retries=0))
    assert len(server.asked) == GIVE_UP
    assert sum("not asked" in refusal.why for refusal in found if isinstance(refusal, Refusal)) == 20 - GIVE_UP


def test_a_key_that_comes_back_is_nowhere(tmp_path):
    """In a good reply, in the model's name, in an error, in what is no completion, and in a message of the library."""
    echo = str(completion(f"Score: 0.7 {KEY}").body).replace("served", KEY)
    replies = (Served(echo), problem(400, KEY), Served(KEY), Served("", 503, {"X-Key": KEY}))
    with serving(lambda _, asked: replies[int(asked.prompt)]) as server:
        found = ask(server, tmp_path, ("0", "1", "2", "3"), manners=Manners(retries=0))
    assert KEY not in repr(found)
    assert KEY not in everything_in(tmp_path)
    assert "[key]" in repr(found[0])
    assert KEY not in repr(Endpoint.at(server.url))


def test_no_more_requests_at_once_than_asked_for(tmp_path):
    with serving(lambda *_: Served(GOOD.body, wait_s=0.05)) as server:
        ask(server, tmp_path, tuple(map(str, range(12))), manners=Manners(concurrency=3))
    assert server.most_at_once == 3


def test_no_more_requests_a_minute_than_asked_for_retries_included(tmp_path):
    with serving(lambda n, _: problem(500) if n == 1 else GOOD) as server:
        ask(server, tmp_path, tuple(map(str, range(5))), manners=Manners(per_minute=600, backoff_s=0.001))
    assert len(server.asked) == 6
    gaps = [after.at - before.at for before, after in pairwise(server.asked)]
    assert min(gaps) > 0.05  # on a busy machine a request may arrive late, and the next in time
    assert server.asked[-1].at - server.asked[0].at > 0.45


def test_what_is_cached_is_not_asked_and_equal_requests_are_asked_once(tmp_path):
    with serving(lambda n, _: completion(f"reply {n}")) as server:
        first = ask(server, tmp_path, ("a", "b", "a"))
        second = ask(server, tmp_path, ("a", "b", "c"))
    assert first[0] == first[2]
    assert second[:2] == first[:2]
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    "other",
    [
        Request("http://localhost:1/v1", "big", "q"),
        Request("URL", "bigger", "q"),
        Request("URL", "big", "q "),
        Request("URL", "big", "q", {"temperature": 0.1, "max_tokens": 256}),
        Request("URL", "big", "q", {"temperature": 0, "max_tokens": 256, "seed": 0}),
    ],
)
def test_another_request_has_another_key(other, tmp_path):
    one = Request("URL", "big", "q")
    assert one.key == Request("URL", "big", "q", {"max_tokens": 256, "temperature": 0}).key
    cache = ReplyCache(tmp_path)
    cache.put(one, Reply("x"))
    assert cache.get(one) == Reply("x")
    assert cache.get(other) is None


def test_a_cached_file_that_somebody_changed_is_named(tmp_path):
    cache, one, other = ReplyCache(tmp_path), Request("URL", "big", "q"), Request("URL", "big", "r")
    cache.put(one, Reply("x"))
    cache.path(one).rename(cache.path(other))
    with pytest.raises(JudgeError, match=f"{cache.path(other)} is the reply to another request; remove it"):
        cache.get(other)
    cache.path(other).write_text('{"schema_version": 1, "req')
    with pytest.raises(JudgeError, match="is not a cached reply"):
        cache.get(other)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("localhost:8000/v1", "needs a URL such as"),
        ("ftp://localhost/v1", "needs a URL such as"),
        (f"https://me:{KEY}@example.org/v1", "must not hold"),
        (f"https://example.org/v1?key={KEY}", "must not hold"),
        ("http://example.org/v1", "in clear text"),
        ("http://192.168.0.7:8000/v1", "in clear text"),
    ],
)
def test_an_address_that_is_none_or_gives_the_key_away_is_refused(url, said):
    with pytest.raises(JudgeError, match=said) as raised:
        Endpoint.at(url)
    assert KEY not in str(raised.value)


def test_a_named_key_may_go_where_its_owner_says(monkeypatch):
    monkeypatch.setenv("MY_KEY", "another-secret")
    assert Endpoint.at("http://192.168.0.7:8000/v1", "MY_KEY").key == "another-secret"


@pytest.mark.parametrize("name", [KEY, KEY.replace("-", "_")])
def test_a_key_in_place_of_its_variables_name_is_not_repeated(name):
    with pytest.raises(JudgeError) as raised:
        Endpoint.at("https://example.org/v1", name)
    assert name not in str(raised.value)


@pytest.mark.parametrize("key", ["two words here", "line\nbreak", "Schlüssel-123"])
def test_a_key_that_cannot_be_a_header_is_not_repeated(key, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(JudgeError) as raised:
        Endpoint.at("https://example.org/v1")
    assert key not in str(raised.value)


@pytest.mark.parametrize("url", ["http://localhost:8000/v1", "http://127.0.0.1/v1", "http://[::1]:80/v1"])
def test_offline_takes_this_machine_alone(url):
    Endpoint.at(url, offline=True)
    for far in ("https://example.org/v1", "https://localhost.example.org/v1", "https://192.168.0.7/v1"):
        with pytest.raises(JudgeError, match="not on this machine"):
            Endpoint.at(far, offline=True)
