"""What the tests of this folder share."""

import pytest

from bot.localhub.model.app import new_private_key


@pytest.fixture(scope="package")
def app_key() -> str:
    """A private key, which is slow to make."""
    return new_private_key()
