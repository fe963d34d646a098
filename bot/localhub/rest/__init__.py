"""The REST face: one file per subject, served at the root and under `/api/v3`."""
