"""Who is calling: a valid Bearer decides, else the secret that the browser keeps as `user`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from libs.identity.sessions import Session
from libs.identity.visitors import visitor_ids
from libs.runtime.clock import Clock
from libs.web.answers import Refused
from libs.web.bearer import borne_session, needed_session
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
        session = borne_session(call, self.keys, self.clock.now())
        if not isinstance(session, Session) or session.shop != call.shop:
            return claimed
        if claimed and not set(claimed) & set(session.visitors):
            raise Refused("identity_mismatch")
        return session.visitors

    def session(self, call: Call) -> Session:
        """Whose session it is, where one is needed."""
        session = needed_session(call, self.keys, self.clock.now())
        if call.shop and session.shop != call.shop:
            raise Refused("invalid_session")
        return session
