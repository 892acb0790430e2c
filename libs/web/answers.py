"""What a request is answered with, and every way to refuse one."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Final, Literal

import msgspec

from libs.errors import HandoffError

Headers = tuple[tuple[str, str], ...]
JSON: Final = "application/json"


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A whole answer; the edge adds the headers that every answer carries."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Headers = ()
    """Its own; one of the same name replaces the usual one."""
    outcome: str = ""
    """For the log: our code for what happened."""


def json_answer(content: object, *, status: int = 200) -> Answer:
    return Answer(status, msgspec.json.encode(content))


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """The one shape of every error."""

    ok: Literal[False] = False
    error: str
    message: str
    """One helpful sentence."""
    request_id: str


class Fault(msgspec.Struct, frozen=True):
    status: int
    sentence: str


FAULTS: Final = {
    "bad_request": Fault(400, "This is not an HTTP request that we understand."),
    "invalid_json": Fault(400, "The body is not a JSON object in UTF-8."),
    "invalid_field": Fault(400, "A field of the request is wrong."),
    "invalid_thread": Fault(
        400, "The field `threadId` must be `cthr_` and up to 128 of the characters A-Za-z0-9_-."
    ),
    "incomplete_body": Fault(400, "The body is damaged or ended early; send the request again."),
    "missing_token": Fault(400, "The link has no `token`; open it again from the email."),
    "invalid_token": Fault(400, "The link is damaged; open it again from the email."),
    "no_file": Fault(400, "The upload holds no file; send one as the field `file`."),
    "missing_session": Fault(401, "Send `Authorization: Bearer` with the client secret."),
    "invalid_session": Fault(401, "This session is not valid; start a new one."),
    "token_expired": Fault(401, "This session has ended; start a new one."),
    "identity_mismatch": Fault(401, "`user` is not the visitor of this session; send one of them."),
    "origin_not_allowed": Fault(403, "This site may not use the chat; its address is not known."),
    "not_found": Fault(404, "There is nothing at this address."),
    "unknown_thread": Fault(404, "There is no conversation with this `threadId`."),
    "method_not_allowed": Fault(405, "This address does not take that method; see `Allow`."),
    "too_slow": Fault(408, "The body took too long to arrive; send the request again."),
    "expired": Fault(410, "This link has expired; ask for a new one."),
    "too_large": Fault(413, "The body is larger than we take."),
    "unsupported_type": Fault(415, "Send the body as `Content-Type: application/json`."),
    "rate_limited": Fault(429, "Too many requests; wait as `Retry-After` says."),
    "headers_too_large": Fault(431, "The address or a header is longer than we take."),
    "internal_error": Fault(500, "Something went wrong on our side; it was recorded."),
    "unavailable": Fault(503, "This does not work just now; try again in a moment."),
    "not_ready": Fault(503, "This part is not running here."),
}
"""Every code that the edge itself says: its status and its usual sentence."""


class Refused(HandoffError):  # noqa: N818 - it names what was done to the request
    """Ends a request with the error envelope. The message never repeats what came in."""

    def __init__(
        self, error: str, message: str = "", *, status: int = 0, headers: Headers = ()
    ) -> None:
        fault = FAULTS.get(error)
        self.error = error
        self.status = status or (fault.status if fault else 400)
        self.message = message or (fault.sentence if fault else "")
        self.headers = headers
        super().__init__(error)

    def answer(self, request_id: str) -> Answer:
        trouble = Trouble(
            error=self.error,
            message=self.message or HTTPStatus(self.status).phrase + ".",
            request_id=request_id,
        )
        return Answer(self.status, msgspec.json.encode(trouble), JSON, self.headers, self.error)


def retry_after(seconds: float) -> Headers:
    """In whole seconds; 0: nobody knows when."""
    return (("Retry-After", str(math.ceil(seconds))),) if seconds else ()
