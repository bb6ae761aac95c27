"""Where a judge is, what its key is, and how long it asks to wait."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from clues.errors import JudgeError

KEY_VARIABLE = "OPENAI_API_KEY"


def check_url(url: str, offline: bool) -> bool:
    """Whether a URL is of this machine. Raises JudgeError for one that cannot be asked, or not `offline`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise JudgeError("the endpoint needs a URL such as https://api.openai.com/v1 or http://localhost:8000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise JudgeError("the endpoint's URL must not hold a user, a password or a query: keys come by the environment")
    local = is_local(url)
    if offline and not local:
        raise JudgeError(f"{url} is not on this machine; without --offline it can be asked")
    return local


def is_local(url: str) -> bool:
    """Whether a URL names this machine itself."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by the Retry-After header, a number or a date (RFC 9110, 10.2.3); None without a sensible one."""
    told = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", told):
        return float(told)
    try:
        date = parsedate_to_datetime(told)
    except ValueError:
        return None
    return max((date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def read_key(variable: str | None) -> str:
    """The key in an environment variable, by default `KEY_VARIABLE`, empty where that is not set.

    Raises JudgeError where a `variable` was named and is not set, or holds no key. No message repeats what was given as
    a name: it may be the key itself.
    """
    if variable and not re.fullmatch(r"[A-Z_][A-Z0-9_]*", variable, re.I):
        raise JudgeError("that is no name of an environment variable: put the key into one and give its name alone")
    key = os.environ.get(variable or KEY_VARIABLE, "").strip()
    if variable and not key:
        raise JudgeError("the environment variable named for the key is not set; put the endpoint's key there")
    if not key.isascii() or any(not sign.isprintable() or sign.isspace() for sign in key):
        raise JudgeError("the key in the environment has spaces or odd characters in it; set it again")
    return key
