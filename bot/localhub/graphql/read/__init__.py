"""The resolvers of what is read: one file per kind of thing."""

from bot.localhub.graphql.read import (
    accounts,
    branch_rules,
    checks,
    git_objects,
    issues,
    labels,
    people,
    pulls,
    query,
    remarks,
    repository,
    reviews,
    timeline,
)

FILES = (
    accounts,
    branch_rules,
    checks,
    git_objects,
    issues,
    labels,
    people,
    pulls,
    query,
    remarks,
    repository,
    reviews,
    timeline,
)
