"""The localhub's pages, as text and in a real browser."""
