"""What the table of SMTP promises of every reply of a kind; `tests/contracts` asks a server."""

from __future__ import annotations

import pytest

from services.mailer.adapters.smtp_errors import Stage, of_reply
from services.mailer.ports import Refused


@pytest.mark.parametrize("stage", list(Stage)[list(Stage).index(Stage.MAIL) :])
@pytest.mark.parametrize("said", ["", "4.7.1 cannot find your hostname", "4.1.8 no", "4.7.24 no"])
def test_no_mail_is_put_off_for_ever_and_in_silence(stage: Stage, said: str) -> None:
    """Postfix says `450 4.7.1` to whoever has no name: a day of it, and a person is told."""
    outcome = of_reply(stage, 450, said)

    assert isinstance(outcome, Refused)
    assert (outcome.temporary, outcome.provider_wide) == (True, False)
