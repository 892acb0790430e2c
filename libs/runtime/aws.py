"""What every adapter of AWS needs to know at its start."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import urlsplit


def is_stand_in(endpoint_url: str) -> bool:
    """DynamoDB local, moto, an S3 server of one's own: nobody else creates there what we need."""
    host = urlsplit(endpoint_url).hostname or ""
    return bool(host) and not host.endswith(("amazonaws.com", "amazonaws.com.cn"))


def aws_client(service: str, region: str, endpoint_url: str, **config: Any) -> Any:
    """An asynchronous context manager. `endpoint_url` may be empty: Amazon's own."""
    from aiobotocore.config import AioConfig

    return _session().create_client(
        service, region_name=region, endpoint_url=endpoint_url or None, config=AioConfig(**config)
    )


@cache
def _session() -> Any:
    """One a process: its clients share what it knows of Amazon's services, and its credentials."""
    from aiobotocore.session import get_session

    return get_session()
