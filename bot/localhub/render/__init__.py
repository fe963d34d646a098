"""The model as GitHub's JSON: one file per subject, used by REST and by webhooks alike."""
