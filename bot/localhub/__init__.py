"""A GitHub for one machine: a model of it first, then REST, GraphQL, webhooks, git over HTTP and pages.

Nothing here imports the rest of `bot`, so what the bot believes about GitHub and what the localhub does
can only agree by both agreeing with GitHub.

`model/` is state and rules without HTTP; `git/` the bare repositories that hold the truth for refs;
`render/` turns the model into GitHub's JSON; `rest/`, `graphql/`, `pages/` and `webhooks/` are faces that
only translate; `server.py` binds them to a port.
"""
