"""What the Hub's client raises, told as something the user can mend, or as something to wait for. No message holds the token."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from ...schemas.errors import CotkitError

Result = TypeVar("Result")
ATTEMPTS = 6
LONGEST_WAIT = 3700.0
"""Seconds; the Hub's limit on commits is counted per hour."""
LOGIN = "log in with `hf auth login`, or set HF_TOKEN to a token that may write (https://huggingface.co/settings/tokens)"
TOKEN = re.compile(r"hf_[A-Za-z0-9]{8,}|Bearer \S+")


def http_errors() -> tuple[type[Exception], ...]:
    """Give the exceptions that calls of the Hub's client end with; RuntimeError is how it wraps a failed upload."""
    import httpx2

    return (httpx2.HTTPError, OSError, RuntimeError)


def retrying(call: Callable[[], Result], repo: str, say: Callable[[str], object], sleep: Callable[[float], object]) -> Result:
    """Call until it succeeds; a rate limit, a conflict, a server error or a cut is waited for, `ATTEMPTS` times at most."""
    for attempt in range(ATTEMPTS):
        try:
            return call()
        except http_errors() as error:
            seconds = seconds_to_wait(error, attempt)
            if seconds is None or attempt == ATTEMPTS - 1 or seconds > LONGEST_WAIT:
                raise told(error, repo) from None
            say(f"{_reason(error)}; trying again in {seconds:.0f} s")
            sleep(seconds)
    raise AssertionError("unreachable")


def seconds_to_wait(error: Exception, attempt: int) -> float | None:
    """Say how long to wait before trying again; None when that would be of no use."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    status = status_of(error)
    backoff = min(60.0, 2.0**attempt)
    if status == 429:
        asked = retry_after(error)
        return backoff if asked is None else asked
    if status == 412:
        return min(backoff, 1.0) / 4  # somebody else's commit came first: look again
    if status is None:
        return backoff if _is_cut(error) and not isinstance(error, OfflineModeIsEnabled) else None
    return backoff if status >= 500 else None


def status_of(error: BaseException | None) -> int | None:
    """Give the HTTP status behind an exception; None where the server did not answer."""
    while error is not None:
        response = getattr(error, "response", None)
        if response is not None:
            return response.status_code
        error = error.__cause__
    return None


def retry_after(error: BaseException | None) -> float | None:
    """Read the seconds a 429 asks for, from `Retry-After` or the Hub's `RateLimit` header."""
    from huggingface_hub.utils import parse_ratelimit_headers

    while error is not None and getattr(error, "response", None) is None:
        error = error.__cause__
    headers = error.response.headers if error is not None else {}  # type: ignore[attr-defined]
    value = headers.get("Retry-After", "")
    if value.strip().isdigit():
        return float(value)
    limit = parse_ratelimit_headers(headers)
    return float(limit.reset_in_seconds) if limit is not None and limit.remaining == 0 else None


def told(error: Exception, repo: str) -> CotkitError:
    """Turn an exception of the Hub's client into an error the user can mend; raises it again when it is a bug."""
    from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError, RevisionNotFoundError

    status = status_of(error)
    if isinstance(error, OfflineModeIsEnabled):
        return CotkitError(f"{repo}: HF_HUB_OFFLINE is set", "unset it, or look at what would be pushed with --dry-run")
    if isinstance(error, RevisionNotFoundError):
        return CotkitError(f"{repo}: no such branch or revision", "see the repo's page for its branches")
    if status == 401 and not isinstance(error, RepositoryNotFoundError):
        return CotkitError("the Hub does not accept the token", LOGIN)
    if isinstance(error, RepositoryNotFoundError):
        return CotkitError(f"{repo}: no such dataset, or the token may not see it", f"check the name; for a private one {LOGIN}")
    if status == 403:
        return CotkitError(f"the token may not write to {repo}", f"check the owner's name; {LOGIN}")
    if status == 429:
        return CotkitError(f"{repo}: the Hub's rate limit still holds", "run the same command again later: what is uploaded stays")
    if status == 412:
        return CotkitError(f"{repo}: others commit to it at the same time", "run the same command again when they are done")
    if status is None and not _is_cut(error):
        raise error
    return CotkitError(f"{repo}: {_reason(error)}", "run the same command again: what is uploaded stays")


def first_line(error: BaseException) -> str:
    """Give the first line of an exception's text that says something, without a token."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return TOKEN.sub("***", lines[0]) if lines else type(error).__name__


def _reason(error: Exception) -> str:
    status = status_of(error)
    if status is None:
        return f"the Hugging Face Hub cannot be reached ({first_line(error.__cause__ or error)})"
    names = {429: "the Hub's rate limit is reached", 412: "somebody else committed meanwhile"}
    return names.get(status, f"the Hub answers {status} ({first_line(error.__cause__ or error)})")


def _is_cut(error: BaseException) -> bool:
    import httpx2

    return any(isinstance(part, httpx2.TransportError | ConnectionError | TimeoutError) for part in (error, error.__cause__))
