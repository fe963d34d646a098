"""Crewline: a GitHub App that hands issues to coding agents. The rooms are listed in docs/architecture.md."""
