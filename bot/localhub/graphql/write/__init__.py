"""The mutations: one file per kind of thing. Each calls the operation of the model that REST calls too."""

from bot.localhub.graphql.write import comments, commits, issues, pulls, refs, reviews

FILES = (comments, commits, issues, pulls, refs, reviews)
