"""GitHub's published description of its REST API and webhooks, and what the localhub says held against it."""
