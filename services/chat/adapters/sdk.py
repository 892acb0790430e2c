"""The ChatKit SDK, without the Agents SDK that it imports for the sake of a user-agent string.

`chatkit.server` names three things of `agents`: its version and two context variables. The real
package takes 70 MB and most of a second, and we never call it. So for the time of the import three
empty modules stand in for it. A test fails when a new SDK needs more than that.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Final

from libs.runtime.log import Log

STANDINS: Final = {
    "agents": ("__version__",),
    "agents.models": (),
    "agents.models.chatcmpl_helpers": ("HEADERS_OVERRIDE",),
    "agents.models.openai_responses": ("_HEADERS_OVERRIDE",),
}


@contextmanager
def _without_agents() -> Iterator[None]:
    before = {name: sys.modules.get(name) for name in STANDINS}
    for name, attributes in STANDINS.items():
        module = ModuleType(name)
        module.__path__ = []
        for attribute in attributes:
            empty = "0" if attribute == "__version__" else ContextVar[None](attribute)
            setattr(module, attribute, empty)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name, module_before in before.items():
            del sys.modules[name]
            if module_before is not None:
                sys.modules[name] = module_before


with _without_agents(), warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of widgets that the SDK itself still has
    from chatkit import errors, server, store, types

__all__ = ["errors", "log_to", "server", "store", "types"]

_EXPECTED: Final = (store.NotFoundError, ValueError, NotImplementedError)
"""The SDK logs these with their text, which may be a customer's; the browser is told anyway."""


def log_to(log: Log) -> None:
    """From the SDK's own logger only the types of errors that nobody expects reach our log."""
    sdk_logger = logging.getLogger("chatkit")
    sdk_logger.handlers[:] = [_TypesOnly(log)]
    sdk_logger.propagate = False
    sdk_logger.setLevel(logging.ERROR)


class _TypesOnly(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, _EXPECTED):
            self._log.error("chat_answer_broken", exception_type=type(error).__name__)
