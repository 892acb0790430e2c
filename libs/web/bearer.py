"""The session that a request bears in its Authorization header."""

from __future__ import annotations

from collections.abc import Sequence

from libs.identity.sessions import Session, read_session_token
from libs.identity.signatures import Problem
from libs.web.answers import Refused
from libs.web.call import Call


def borne_session(call: Call, keys: Sequence[str], now: float) -> Session | Problem | None:
    """None: it bears none."""
    scheme, _, token = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    return read_session_token(keys, token.strip(), now)


def needed_session(call: Call, keys: Sequence[str], now: float) -> Session:
    """Raises Refused."""
    session = borne_session(call, keys, now)
    if session is None:
        raise Refused("missing_session")
    if isinstance(session, Problem):
        raise Refused("token_expired" if session is Problem.EXPIRED else "invalid_session")
    return session
