"""Webhooks: rendered from the model, signed, delivered once, kept in a log, redelivered when asked."""
