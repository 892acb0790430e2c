"""Who is calling: a valid Bearer decides, else the secret that the browser keeps as `user`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from libs.identity.sessions import Session, read_session_token
from libs.identity.signatures import Problem
from libs.identity.visitors import visitor_ids
from libs.runtime.clock import Clock
from libs.web.answers import Refused
from libs.web.call import Call

Visitor = tuple[str, ...]
"""One person under each site key, newest first; empty: nobody we know."""


_ids = lru_cache(maxsize=4096)(visitor_ids)
"""A page asks several times in a row, and an HMAC costs as much as reading the request."""


@dataclass(frozen=True)
class Visitors:
    keys: tuple[str, ...]
    clock: Clock

    def of(self, call: Call, user: str | None) -> Visitor:
        """Who triggers: a session that has ended says nothing, the trigger still counts."""
        claimed = _ids(self.keys, user) if user else ()
        if "Authorization" not in call.headers:
            return claimed
        session = self._session(call)
        if not isinstance(session, Session) or session.shop != call.shop:
            return claimed
        if claimed and not set(claimed) & set(session.visitors):
            raise Refused("identity_mismatch")
        return session.visitors

    def session(self, call: Call) -> Session:
        """Whose session it is, where one is needed."""
        session = self._session(call)
        if session is None:
            raise Refused("missing_session")
        if session is Problem.EXPIRED:
            raise Refused("token_expired")
        if session is Problem.INVALID or (call.shop and session.shop != call.shop):
            raise Refused("invalid_session")
        return session

    def _session(self, call: Call) -> Session | Problem | None:
        scheme, _, token = call.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        return read_session_token(self.keys, token.strip(), self.clock.now())
