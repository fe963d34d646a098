"""What holds for every test."""

pytest_plugins = ["tests.localhub.openapi.faithful_localhub"]
