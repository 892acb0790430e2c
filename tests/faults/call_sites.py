"""Every call that leaves a process, by the bytes that tell it from the others."""

from __future__ import annotations

import re

from libs.leases import redis as leases
from libs.limits import redis as limits
from libs.streams import scripts
from libs.streams.client import Script


def _script(script: Script) -> re.Pattern[bytes]:
    return re.compile(script.sha.encode())


def _add(stream: str) -> re.Pattern[bytes]:
    return re.compile(rb"XADD\r\n\$\d+\r\n\{" + re.escape(stream.encode()))


REDIS = {
    "XADD session.mint": _add("session.mint"),
    "XADD chat.request": _add("chat.request"),
    "XADD lead.consider": _add("lead.consider"),
    "XADD mail.send": _add("mail.send"),
    "XREADGROUP": re.compile(rb"XREADGROUP"),
    "XREAD of an answer": re.compile(rb"XREAD\r\n"),
    "XDEL of an answer": re.compile(rb"XDEL\r\n"),
    "ANSWER": _script(scripts.ANSWER),
    "SCHEDULE (timers)": _script(scripts.SCHEDULE),
    "TURN (timers)": _script(scripts.TURN),
    "ACK (settle)": _script(scripts.ACK),
    "CLAIM": _script(scripts.CLAIM),
    "STATS": _script(scripts.STATS),
    "SET lease": re.compile(rb"SET\r\n\$\d+\r\nlease:\{craigs"),
    "extend lease": _script(leases._EXTEND),
    "release lease": _script(leases._RELEASE),
    "SET sent mark": re.compile(rb"SET\r\n\$\d+\r\n\{limits:craigs\}:sent:"),
    "limits": _script(limits._ADMIT),
}
REDIS_WHILE_RECORDS_ARE_LOCKED = {
    "PUT_BACK (settle)": _script(scripts.PUT_BACK),
    "RENEW": _script(scripts.RENEW),
}
REDIS_WHEN_A_SERVICE_STARTS_OR_STOPS = {
    "HAND_BACK": _script(scripts.HAND_BACK),
    "INFO": re.compile(rb"INFO\r\n"),
    "PREPARE": _script(scripts.PREPARE),
    "OWN": _script(scripts.OWN),
}

SMTP = {
    "EHLO": re.compile(rb"\Aehlo ", re.IGNORECASE),
    "MAIL": re.compile(rb"\AMAIL FROM", re.IGNORECASE),
    "RCPT": re.compile(rb"\ARCPT TO", re.IGNORECASE),
    "DATA": re.compile(rb"\ADATA\r\n", re.IGNORECASE),
    "QUIT": re.compile(rb"\AQUIT", re.IGNORECASE),
}
SMTP_DOT = re.compile(rb"(\A|\r\n)\.\r\n\Z")
"""After it the mail has been taken: without the reply nobody knows."""


def _put(state: str) -> re.Pattern[bytes]:
    return re.compile(rb"state\\\":\\\"" + state.encode())


DYNAMODB = {
    "GetItem": re.compile(rb"DynamoDB_20120810\.GetItem"),
    "Query": re.compile(rb"DynamoDB_20120810\.Query"),
    "PutItem watch": re.compile(rb"\"watch#"),
    "PutItem PENDING": _put("pending"),
    "PutItem ARM": _put("sending"),
    "PutItem SENT": _put("sent"),
}
SES = re.compile(rb"POST /v2/email/outbound-emails")
