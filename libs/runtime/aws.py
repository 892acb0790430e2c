"""Whether the AWS we speak to is Amazon's or a stand-in on this machine or network."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_stand_in(endpoint_url: str) -> bool:
    """DynamoDB local, moto, an S3 server of one's own: nobody else creates there what we need."""
    host = urlsplit(endpoint_url).hostname or ""
    return bool(host) and not host.endswith(("amazonaws.com", "amazonaws.com.cn"))
