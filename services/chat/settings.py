"""What the chat service reads from the environment."""

from __future__ import annotations

from libs.runtime.settings import CommonSettings, Rate


class ChatSettings(CommonSettings, frozen=True, kw_only=True, rename=str.upper):
    chat_model: str = "gpt-5.2-2025-12-11"
    limit_model_calls_per_minute: Rate = Rate(600, 60)
    limit_model_calls_per_day: Rate = Rate(20000, 86400)
    limit_answers_per_visitor: Rate = Rate(200, 86400)
    limit_answers_per_thread: Rate = Rate(100, 86400)
