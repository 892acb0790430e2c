"""`openapi.json`, made from the forms that are decoded and the answers that are encoded.

`python -m services.gateway.openapi` writes it; a test says when that was forgotten.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from libs.web.answers import FAULTS, Trouble
from services.gateway.decisions import LeadAnswer
from services.gateway.forms import ChatForm, LeadForm, SessionForm, SignalForm
from services.gateway.handlers import SessionAnswer, SignalAnswer
from services.gateway.message_page import LinkAnswer

FILE: Final = Path(__file__).with_name("openapi.json")
_REFERENCE: Final = "#/components/schemas/{name}"


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """A route, for those who call it."""

    says: str
    body: type[msgspec.Struct] | None = None
    beacon: bool = False
    multipart: bool = False
    session: bool = False
    query: tuple[str, ...] = ()
    answers: dict[int, type[msgspec.Struct] | str]
    """By status: a schema, or the content type of what is no JSON of ours."""
    refusals: tuple[int, ...] = ()
    """Beside 431, 500 and 503, which any route may answer."""


_UPLOAD: Final = Operation(
    says="Upload a photo or a PDF, with a session or by the signed link of an announced one.",
    multipart=True,
    session=True,
    query=("id", "upload"),
    answers={200: "application/json"},
    refusals=(400, 401, 403, 404, 408, 410, 413, 415, 422, 429),
)
OPERATIONS: Final = {
    ("POST", "/api/chatkit/session"): Operation(
        says="Open a chat session for a visitor.",
        body=SessionForm,
        answers={200: SessionAnswer},
        refusals=(400, 403, 404, 408, 413, 415, 429),
    ),
    ("POST", "/api/chatkit/lead"): Operation(
        says="Ask for a decision about a conversation: is it a lead, and may its mail leave?",
        body=LeadForm,
        beacon=True,
        answers={200: LeadAnswer, 202: LeadAnswer},
        refusals=(400, 401, 403, 404, 408, 413, 415, 429),
    ),
    ("POST", "/api/lead-signal"): Operation(
        says="Keep what a visitor did on the page.",
        body=SignalForm,
        beacon=True,
        answers={200: SignalAnswer},
        refusals=(400, 401, 403, 408, 413, 415, 429),
    ),
    ("POST", "/api/chatkit"): Operation(
        says="One request of the self-hosted ChatKit protocol: server-sent events, or JSON.",
        body=ChatForm,
        session=True,
        answers={200: "text/event-stream"},
        refusals=(400, 401, 403, 404, 408, 413, 415, 422, 429),
    ),
    ("POST", "/api/chatkit/attachment"): _UPLOAD,
    ("PUT", "/api/chatkit/attachment"): msgspec.structs.replace(
        _UPLOAD, says="The same, for the bytes of an announced attachment."
    ),
    ("GET", "/api/chatkit/attachment"): Operation(
        says="The bytes behind a signed link; ranges are understood.",
        query=("id", "view", "signature"),
        answers={200: "application/octet-stream", 206: "application/octet-stream", 304: ""},
        refusals=(401, 403, 404, 410, 416),
    ),
    ("GET", "/message/"): Operation(
        says="A page that opens the phone's messenger, filled in.",
        query=("token",),
        answers={200: "text/html"},
        refusals=(400, 404, 410, 429),
    ),
    ("GET", "/api/message-link"): Operation(
        says="What that page shows.",
        query=("token",),
        answers={200: LinkAnswer},
        refusals=(400, 404, 410, 429),
    ),
    ("GET", "/amplify_outputs.json"): Operation(
        says="Our addresses, where older front ends look for them.",
        answers={200: "application/json"},
    ),
    ("GET", "/handoff.json"): Operation(
        says="All that `handoff.js` needs to know, in the page's language.",
        query=("locale",),
        answers={200: "application/json"},
    ),
    ("GET", "/handoff.js"): Operation(
        says="The script tag.", answers={200: "text/javascript", 304: ""}, refusals=(404,)
    ),
    ("GET", "/panel.js"): Operation(
        says="The chat panel of our own, which the script tag loads by what is in it.",
        query=("v",),
        answers={200: "text/javascript", 304: ""},
        refusals=(404,),
    ),
    ("GET", "/handoff.css"): Operation(
        says="The look of the chat.", answers={200: "text/css", 304: ""}, refusals=(404,)
    ),
    ("GET", "/health"): Operation(
        says="Are the stores there?", answers={200: "application/json", 503: "application/json"}
    ),
    ("GET", "/health/live"): Operation(
        says="Does the process turn?", answers={200: "application/json"}
    ),
    ("GET", "/metrics"): Operation(
        says="Numbers, as JSON or for Prometheus.",
        answers={200: "application/json"},
    ),
}

_QUERY: Final = {
    "token": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"},
    "locale": {"type": "string"},
    "id": {"type": "string", "maxLength": 64},
    "view": {"type": "string", "enum": ["original", "1200", "320"]},
    "signature": {"type": "string", "maxLength": 128},
    "upload": {"type": "string", "maxLength": 128},
    "v": {"type": "string", "maxLength": 128},
}
_ALSO_TEXT: Final = {"/metrics": ("text/plain",), "/api/chatkit": ("application/json",)}
_PAGES: Final = frozenset({"/message/"})
"""Where errors are pages for people."""


def document() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Handoff gateway", "version": "1", "license": {"name": "MIT"}},
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"session": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas() -> dict[str, Any]:
    kinds: list[type[msgspec.Struct]] = [Trouble]
    for operation in OPERATIONS.values():
        given = (operation.body, *operation.answers.values())
        kinds += [kind for kind in given if kind is not None and not isinstance(kind, str)]
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    return dict(sorted(schemas.items()))


def _operation(method: str, path: str, operation: Operation) -> dict[str, Any]:
    spelled: dict[str, Any] = {
        "operationId": f"{method.lower()}{path.replace('/', '_').replace('.', '_')}",
        "summary": operation.says,
        "parameters": [_request_id(), *(_parameter(name, operation) for name in operation.query)],
        "responses": {
            **{str(status): _answer(path, kind) for status, kind in operation.answers.items()},
            **{str(s): _refusal(path, s) for s in (*operation.refusals, 431, 500, 503)},
        },
    }
    if method in {"POST", "PUT"}:
        spelled["parameters"].append(_origin())
        spelled["requestBody"] = {"required": True, "content": _body(operation)}
    if operation.session:
        spelled["security"] = [{"session": []}, *([{}] if operation.multipart else [])]
    if path == "/health":
        spelled["responses"]["503"] = _answer(path, "application/json")
    return spelled


def _body(operation: Operation) -> dict[str, Any]:
    if operation.multipart:
        binary = {"type": "string", "contentMediaType": "application/octet-stream"}
        form = {"type": "object", "properties": {"file": binary, "thread_id": {"type": "string"}}}
        return {"multipart/form-data": {"schema": {**form, "required": ["file"]}}}
    schema = {"schema": _reference(operation.body)}
    return {"application/json": schema, **({"text/plain": schema} if operation.beacon else {})}


def _answer(path: str, kind: type[msgspec.Struct] | str) -> dict[str, Any]:
    if not isinstance(kind, str):
        content: dict[str, Any] = {"application/json": {"schema": _reference(kind)}}
    elif kind:
        content = {each: {} for each in (kind, *_ALSO_TEXT.get(path, ()))}
    else:
        content = {}
    return {"description": "As asked.", "content": content, "headers": _answer_headers()}


def _refusal(path: str, status: int) -> dict[str, Any]:
    codes = sorted(code for code, fault in FAULTS.items() if fault.status == status)
    kind = "text/html" if path in _PAGES and status not in {431, 500, 503} else "application/json"
    schema = {"schema": _reference(Trouble)} if kind == "application/json" else {}
    return {
        "description": ", ".join(f"`{code}`" for code in codes) or "Refused.",
        "content": {kind: schema},
        "headers": _answer_headers(),
    }


def _answer_headers() -> dict[str, Any]:
    return {"X-Request-ID": {"required": True, "schema": {"type": "string"}}}


def _request_id() -> dict[str, Any]:
    """Anything may be sent; one that is none is replaced."""
    name = "X-Request-ID"
    says = "Taken if it is up to 64 of A-Za-z0-9 and -, else made; echoed on every answer."
    return {"name": name, "in": "header", "schema": {"type": "string"}, "description": says}


def _origin() -> dict[str, Any]:
    """Browsers set it by themselves."""
    origin = {"type": "string", "examples": ["https://craigs.autos"]}
    return {"name": "Origin", "in": "header", "required": True, "schema": origin}


def _parameter(name: str, operation: Operation) -> dict[str, Any]:
    required = name in {"token", "view", "signature"} or (name == "id" and not operation.multipart)
    return {"name": name, "in": "query", "required": required, "schema": _QUERY[name]}


def _reference(kind: type[msgspec.Struct] | None) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=kind.__name__)} if kind else {}


def spelled() -> str:
    return msgspec.json.format(msgspec.json.encode(document()), indent=1).decode() + "\n"


if __name__ == "__main__":
    FILE.write_text(spelled(), "utf-8")
