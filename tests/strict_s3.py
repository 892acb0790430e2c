"""An S3 that checks signatures and knows no server-side encryption: a guard before moto's."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, quote

from aiohttp import ClientSession, web

from tests.servers import free_port

SECRETS = {"testing": "testing"}
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>\d{8}/[^/]+/s3/aws4_request),"
    r" SignedHeaders=(?P<headers>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)
_OWN_HEADERS = {"transfer-encoding", "content-length", "connection", "date", "server"}


@contextlib.asynccontextmanager
async def strict_s3(moto_url: str) -> AsyncIterator[str]:
    port = free_port()
    async with ClientSession(auto_decompress=False) as behind:

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            if "Expect" in request.headers and request.transport:
                request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = await request.read()
            if problem := _problem(request, body):
                said = f"<?xml version='1.0'?><Error><Code>{problem}</Code></Error>"
                return web.Response(status=_STATUS[problem], text=said, content_type="text/xml")
            async with behind.request(
                request.method,
                moto_url + request.raw_path,
                headers={k: v for k, v in request.headers.items() if k != "Expect"},
                data=body or None,
            ) as answered:
                whole = await answered.read()
                kept = {k: v for k, v in answered.headers.items() if k.lower() not in _OWN_HEADERS}
                if request.method == "HEAD":
                    kept["Content-Length"] = answered.headers.get("Content-Length", "0")
                return web.Response(status=answered.status, headers=kept, body=whole or None)

        runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            await runner.cleanup()


_STATUS = {
    "AccessDenied": 403, "SignatureDoesNotMatch": 403, "XAmzContentSHA256Mismatch": 400,
    "NotImplemented": 501,
}  # fmt: skip


def _problem(request: web.BaseRequest, body: bytes) -> str:
    if any(name.lower().startswith("x-amz-server-side-encryption") for name in request.headers):
        return "NotImplemented"
    found = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    if found is None or found["key"] not in SECRETS:
        return "AccessDenied"
    if request.headers.get("X-Amz-Content-SHA256") != hashlib.sha256(body).hexdigest():
        return "XAmzContentSHA256Mismatch"
    wanted = _signature(request, found["scope"], found["headers"], SECRETS[found["key"]])
    return "" if hmac.compare_digest(wanted, found["signature"]) else "SignatureDoesNotMatch"


def _signature(request: web.BaseRequest, scope: str, signed: str, secret: str) -> str:
    """Signature Version 4, as Amazon describes it."""
    path, _, query = request.raw_path.partition("?")
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    canonical = "\n".join(
        (
            request.method,
            path,
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{' '.join(request.headers[name].split())}" for name in signed.split(";")),
            "",
            signed,
            request.headers["X-Amz-Content-SHA256"],
        )
    )
    to_sign = "\n".join(
        (
            "AWS4-HMAC-SHA256",
            request.headers["X-Amz-Date"],
            scope,
            hashlib.sha256(canonical.encode()).hexdigest(),
        )
    )
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, to_sign.encode(), "sha256").hex()
