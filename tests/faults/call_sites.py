"""Every call that leaves a process, by the bytes that tell it from the others.

A test strikes each row of its tables, and fails on a call that passed and stands in none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from libs.leases import redis as leases
from libs.limits import redis as limits
from libs.redis.client import Script
from libs.streams import scripts
from services.attachments.adapters import allowance

Site = re.Pattern[bytes]
Sites = Mapping[str, Site]


def _command(*words: str) -> Site:
    """A Redis command by its first words, each a regular expression."""
    named = b"".join(rb"\$\d+\r\n%s\r\n" % word.encode() for word in words)
    return re.compile(rb"\*\d+\r\n" + named)


def _script(script: Script) -> Site:
    return _command("EVALSHA", script.sha)


def _add(stream: str) -> Site:
    return _command("XADD", rf"\{{{re.escape(stream)}:\d+\}}:stream")


REDIS_AT_START: Sites = {
    "CLIENT (handshake)": _command("CLIENT", r"\w+"),
    "INFO": _command("INFO", "memory"),
    "EVAL (a script's first time)": re.compile(rb"\$4\r\nEVAL\r\n"),
    "PREPARE": _script(scripts.PREPARE),
    "OWN": _script(scripts.OWN),
}
REDIS: Sites = {
    "XADD session.mint": _add("session.mint"),
    "XADD chat.request": _add("chat.request"),
    "XADD lead.consider": _add("lead.consider"),
    "XADD lead.signal": _add("lead.signal"),
    "XADD mail.send": _add("mail.send"),
    "XREADGROUP": _command("XREADGROUP"),
    "XREAD of an answer": _command("XREAD"),
    "XDEL of an answer": _command("XDEL", r"\{(reply|answer)\.[^\r]+"),
    "ANSWER": _script(scripts.ANSWER),
    "SCHEDULE (timers)": _script(scripts.SCHEDULE),
    "TURN (timers)": _script(scripts.TURN),
    "ACK (settle)": _script(scripts.ACK),
    "PARK (settle)": _script(scripts.PARK),
    "CLAIM": _script(scripts.CLAIM),
    "STATS": _script(scripts.STATS),
    "SET lease": _command("SET", r"lease:\{[^\r]+"),
    "GET lease": _command("GET", r"lease:\{[^\r]+"),
    "extend lease": _script(leases._EXTEND),
    "release lease": _script(leases._RELEASE),
    "SET sent mark": _command("SET", r"\{limits:\w+\}:sent:[^\r]+"),
    "limits": _script(limits._ADMIT),
    "spend allowance": _script(allowance._SPEND),
    "PING": _command("PING"),
}
REDIS_WHILE_RECORDS_ARE_LOCKED: Sites = {
    "PUT_BACK (settle)": _script(scripts.PUT_BACK),
    "RENEW": _script(scripts.RENEW),
}
REDIS_WHEN_A_SERVICE_STOPS: Sites = {"HAND_BACK": _script(scripts.HAND_BACK)}
REDIS_WHILE_A_FATE_IS_UNKNOWN: Sites = {
    "GET sent mark": _command("GET", r"\{limits:\w+\}:sent:[^\r]+"),
}
REDIS_OF_EVENTS: Sites = {"XADD mail.event": _add("mail.event")}

REDIS_OF_A_PERSON: Sites = {
    "PING": _command("PING"),
    "STATS": _script(scripts.STATS),
    "SILENCE": _script(scripts.SILENCE),
    "SET paused": _command("SET", r"\{[^\r]+\}:paused"),
    "DEL paused": _command("DEL", r"\{[^\r]+\}:paused"),
    "XRANGE of dead letters": _command("XRANGE", r"\{[^\r]+\}:dead"),
    "XDEL of a dead letter": _command("XDEL", r"\{[^\r]+\}:dead"),
    "REVIVE": _script(scripts.REVIVE),
    "XADD lead.consider": _add("lead.consider"),
    "EXISTS lease": _command("EXISTS", r"lease:\{[^\r]+"),
    "DEL sent mark": _command("DEL", r"\{limits:\w+\}:sent:[^\r]+"),
    "ERASE": _script(scripts.ERASE),
    "ERASE_ANSWERS": _command("EVAL", re.escape(scripts.ERASE_ANSWERS.source), "0"),
    "INFO": _command("INFO", "everything"),
    "BGREWRITEAOF": _command("BGREWRITEAOF"),
}
"""The commands of `handoff`; its handshake is that of all."""
REDIS_OF_SERVICES: Sites = {
    **REDIS_AT_START,
    **REDIS,
    **REDIS_WHILE_RECORDS_ARE_LOCKED,
    **REDIS_WHEN_A_SERVICE_STOPS,
    **REDIS_WHILE_A_FATE_IS_UNKNOWN,
    **REDIS_OF_EVENTS,
}

SMTP_DOT: Sites = {"DOT": re.compile(rb"(\A|\r\n)\.\r\n\Z")}
"""After it the mail has been taken: without the reply nobody knows."""
SMTP: Sites = {
    "greeting": re.compile(rb"\A\Z"),
    "EHLO": re.compile(rb"\Aehlo ", re.IGNORECASE),
    "AUTH": re.compile(rb"\AAUTH ", re.IGNORECASE),
    "MAIL": re.compile(rb"\AMAIL FROM", re.IGNORECASE),
    "RCPT": re.compile(rb"\ARCPT TO", re.IGNORECASE),
    "DATA": re.compile(rb"\ADATA\r\n", re.IGNORECASE),
    "QUIT": re.compile(rb"\AQUIT", re.IGNORECASE),
}
SMTP_WITH_TLS: Sites = {
    "STARTTLS": re.compile(rb"\ASTARTTLS", re.IGNORECASE),
    "TLS hello": re.compile(rb"\A\x16\x03"),
}


def _amz(target: str, body: bytes = b"") -> Site:
    """A request of AWS's JSON protocol, and what its body says."""
    return re.compile(rb"X-Amz-Target: \w+\.%s\r\n.*%s" % (target.encode(), body), re.DOTALL)


def _item(of: str) -> bytes:
    return rb"\"S\": \"%s" % of.encode()


def _s3(method: str, path: str) -> Site:
    return re.compile(rb"\A%s /leads%s HTTP" % (method.encode(), path.encode()))


AWS_AT_START: Sites = {
    "CreateTable": _amz("CreateTable"),
    "DescribeTable": _amz("DescribeTable"),
    "HeadBucket": _s3("HEAD", ""),
    "CreateBucket": _s3("PUT", ""),
}
AWS: Sites = {
    "GetItem lead": _amz("GetItem", _item("lead")),
    "GetItem of a chat": _amz("GetItem", rb"\"sk\": "),
    "GetItem": _amz("GetItem"),
    "Query what is due": _amz("Query", b"by_due"),
    "Query a chat": _amz("Query", rb":pk AND sk"),
    "PutItem watch": _amz("PutItem", _item("watch")),
    "PutItem PENDING": _amz("PutItem", rb"state\\\":\\\"pending"),
    "PutItem ARM": _amz("PutItem", rb"state\\\":\\\"sending"),
    "PutItem SENT": _amz("PutItem", rb"state\\\":\\\"sent"),
    "PutItem lead": _amz("PutItem", _item("lead")),
    "PutItem turn of a chat": _amz("PutItem", _item("turn")),
    "PutItem owner of a chat": _amz("PutItem", _item("owner")),
    "PutItem chat": _amz("PutItem", _item("thread")),
    "PutItem item of a chat": _amz("PutItem", _item("item")),
    "UpdateItem of a chat": _amz("UpdateItem"),
    "DeleteItem watch": _amz("DeleteItem", _item("watch#")),
    "ReceiveMessage": _amz("ReceiveMessage"),
    "DeleteMessage": _amz("DeleteMessage"),
    "PutObject": _s3("PUT", r"/\S+"),
    "GetObject": _s3("GET", r"/\S+"),
    "ListObjectsV2": _s3("GET", r"\?list-type=2\S+"),
}
AWS_OF_A_PERSON: Sites = {
    "DeleteItem of a chat": _amz("DeleteItem", rb"\"sk\": "),
    "DeleteItem watch": _amz("DeleteItem", _item("watch#")),
    "HeadObject": _s3("HEAD", r"/\S+"),
    "DeleteObject": _s3("DELETE", r"/\S+"),
}
SES: Sites = {"SendEmail": re.compile(rb"POST /v2/email/outbound-emails")}

NOT_STRUCK = frozenset(
    {"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "AbortMultipartUpload",
     "HELO"}
)  # fmt: skip
"""Parts of an upload above 5 MB: nobody has it before it is complete. HELO: to a server that knows
no EHLO, and before MAIL.
"""


def unnamed(calls: Iterable[bytes], *tables: Sites) -> set[bytes]:
    """The beginnings of those that no table names."""
    sites = [site for table in tables for site in table.values()]
    return {call[:200] for call in calls if not any(site.search(call) for site in sites)}
