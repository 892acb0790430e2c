"""From a request to its answer: dispatch, origin, errors, numbers and the log line.

    aiohttp ──▶ server.py ──▶ Edge.answer(Call) ──▶ Route.handler(Call) ──▶ Answer

Every way out of here, also an unhandled exception, is the one error envelope with a request id, or
the page that a route has for people in its place.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web import RequestPayloadError, StreamResponse
from multidict import CIMultiDict, CIMultiDictProxy

from libs.errors import Unavailable
from libs.runtime.ids import NewId, random_id
from libs.runtime.log import Log, place_of
from libs.web.answers import Answer, Refused, retry_after
from libs.web.call import Call, request_id_of
from libs.web.headers import REQUEST_ID, preflight
from libs.web.requests import Requests

Handler = Callable[[Call], Awaitable[Answer | StreamResponse]]
_UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_CLIENT_GONE: Final = 499

_DATABASES: Final = frozenset({"records", "conversations"})
"""Ops grep for these by a name of their own."""


@dataclass(frozen=True)
class Route:
    """A line of a service's table of routes. Paths are exact."""

    method: str
    path: str
    handler: Handler
    name: str
    """For metrics and logs."""
    whole: bool = True
    """Small body in, small answer out; False: one of them is streamed."""
    also_from: frozenset[str] = frozenset()
    """Origins beside the shops' own that may send this; the handler asks them for more."""
    apology: Callable[[Call, Refused], Answer] | None = None
    """What a person who came by a link reads in place of the envelope."""


@dataclass(frozen=True)
class Edge:
    """`shop_of` tells whose site an origin is, or ""; None: no browser comes here directly."""

    routes: Sequence[Route]
    log: Log
    requests: Requests
    shop_of: Callable[[str], str] | None = None
    new_id: NewId = random_id
    _table: dict[str, dict[str, Route]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for route in self.routes:
            self._table.setdefault(route.path, {})[route.method] = route

    def route(self, method: str, path: str) -> Route | None:
        methods = self._table.get(path)
        if methods is None:
            return None
        return methods.get("GET" if method == "HEAD" else method)

    async def answer(self, call: Call) -> Answer | StreamResponse:
        started = time.perf_counter()
        self._recognise(call)
        route = self.route(call.method, call.path)
        try:
            answer = await self._answered(call, route)
        except Refused as refused:
            answer = _refusal(call, route, refused)
        except (HttpProcessingError, RequestPayloadError):
            answer = Refused("incomplete_body").answer(call.request_id)
        except Unavailable as error:
            answer = _refusal(call, route, self._unavailable(call, error))
        except ConnectionError:
            answer = Answer(_CLIENT_GONE, outcome="client_gone")
        except Exception as error:  # noqa: BLE001 - the last frame that can still answer
            answer = self._unhandled(call, route, error)
        self._finish(call, route, answer, time.perf_counter() - started)
        return answer

    def malformed(self, peer: str, error: str) -> tuple[Call, Answer]:
        """What could not even be parsed is answered, counted and logged like all the rest."""
        call = Call("", "", CIMultiDictProxy(CIMultiDict()), EMPTY_PAYLOAD, peer)
        self._recognise(call)
        answer = Refused(error).answer(call.request_id)
        self._finish(call, None, answer, 0.0)
        return call, answer

    async def _answered(self, call: Call, route: Route | None) -> Answer | StreamResponse:
        if route is None:
            return self._without_route(call)
        if call.method in _UNSAFE and self.shop_of and not call.shop:
            _admit_guest(call, route.also_from)
        return await route.handler(call)

    def _without_route(self, call: Call) -> Answer:
        methods = self._table.get(call.path)
        if methods is None:
            raise Refused("not_found")
        allowed = ", ".join([*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"])
        if call.method != "OPTIONS":
            raise Refused("method_not_allowed", headers=(("Allow", allowed),))
        if call.origin and not call.shop:
            _admit_guest(call, frozenset().union(*(each.also_from for each in methods.values())))
        extra = preflight(allowed) if call.origin else ()
        return Answer(204, headers=(("Allow", allowed), *extra), outcome="preflight")

    def _recognise(self, call: Call) -> None:
        given = call.headers.get(REQUEST_ID)
        call.request_id = (given and request_id_of(given)) or self.new_id().replace("_", "-")
        if self.shop_of and call.origin and (shop := self.shop_of(call.origin)):
            call.shop = shop
            call.readable_by = call.origin

    def _unavailable(self, call: Call, error: Unavailable) -> Refused:
        what = "database_error" if error.part in _DATABASES else "unavailable"
        self.log.warning(what, part=error.part, reason=error.reason, request_id=call.request_id)
        wait = retry_after(error.after_seconds or 5)
        return Refused("unavailable", headers=wait)

    def _unhandled(self, call: Call, route: Route | None, error: Exception) -> Answer:
        self.log.error(
            "unhandled_exception",
            exception_type=type(error).__name__,
            where=place_of(error),
            route=route.name if route else "",
            request_id=call.request_id,
        )
        return Refused("internal_error").answer(call.request_id)

    def _finish(
        self, call: Call, route: Route | None, answer: Answer | StreamResponse, seconds: float
    ) -> None:
        if not call.outcome and isinstance(answer, Answer):
            call.outcome = answer.outcome
        self.requests.add(call, route.name if route else "none", answer.status, seconds)


def _refusal(call: Call, route: Route | None, refused: Refused) -> Answer:
    if route and route.apology:
        return route.apology(call, refused)
    return refused.answer(call.request_id)


def _admit_guest(call: Call, origins: frozenset[str]) -> None:
    if call.origin not in origins:
        raise Refused("origin_not_allowed")
    call.readable_by = call.origin
