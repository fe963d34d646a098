"""Reading about a repository."""

import pytest

from tests.localhub.world import World


@pytest.mark.parametrize(
    ("path", "key"),
    [("readme", "content"), ("languages", None), ("topics", "names"), ("contributors", None), ("tags", None),
     ("rulesets", None), ("pulls/1/requested_reviewers", "users"), ("branches/main/protection", "enforce_admins")],
)  # fmt: skip
async def test_what_a_repository_is_about(world: World, path: str, key: str | None) -> None:
    await world.pull()
    world.shop.protect("main", required_checks=("verify",), required_reviews=1)
    async with world.as_user(world.alice) as rest:
        answer = await rest.get(f"/repos/alice/shop/{path}")
    assert answer.status_code == 200, answer.text
    assert key is None or key in answer.json()


async def test_searching_finds_issues_by_what_they_are(world: World) -> None:
    issue = await world.issue("The till is stuck")
    issue.add_label(world.alice, "crewline")
    pull = await world.pull()
    async with world.as_user(world.alice) as rest:
        for asked, numbers in (
            ("repo:alice/shop is:issue label:crewline", [1]), ("is:pr head:fix", [2]), ("till", [1]),
            ("-is:pr fix", []),
        ):  # fmt: skip
            found = (await rest.get("/search/issues", params={"q": asked})).json()
            assert [one["number"] for one in found["items"]] == numbers, asked
        brought = await rest.get(f"/repos/alice/shop/commits/{pull.head_sha}/pulls")
    assert [one["number"] for one in brought.json()] == [2]
