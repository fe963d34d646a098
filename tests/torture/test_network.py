"""A short cut of `python -m tests.torture.network`: a few seeds, and faults that it must find."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from tests.torture.network import differences, run


@pytest.mark.parametrize("seed", [0, 8, 30])
def test_a_bad_network_changes_when_things_happen_and_never_what(seed: int) -> None:
    result = run(seed)
    assert differences(result) == ()
    assert result.webhooks["lost"] > 0
    assert result.webhooks["failed to connect to host"] > 0


def test_a_bot_that_forgets_what_it_wrote_is_found_out() -> None:
    with patch("bot.control.look.unseen", lambda *_: ()):
        assert any(differences(run(seed)) for seed in range(5))
