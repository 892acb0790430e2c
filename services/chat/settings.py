"""What the chat service reads from the environment."""

from __future__ import annotations

from libs.model.caps import DEFAULT_MODEL, ModelSettings
from libs.runtime.settings import Rate


class ChatSettings(ModelSettings, frozen=True, kw_only=True, rename=str.upper):
    chat_model: str = DEFAULT_MODEL
    limit_answers_per_visitor: Rate = Rate(200, 86400)
    limit_answers_per_thread: Rate = Rate(100, 86400)
