"""Talking to GitHub: App auth, the paced client, observe, writes, the ledger, webhooks, repository settings."""
