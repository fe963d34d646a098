"""The resolvers of what is read: one file per kind of thing."""

from bot.localhub.graphql.read import (
    accounts,
    checks,
    git_objects,
    issues,
    pulls,
    query,
    remarks,
    repository,
    reviews,
    timeline,
)

FILES = (accounts, checks, git_objects, issues, pulls, query, remarks, repository, reviews, timeline)
