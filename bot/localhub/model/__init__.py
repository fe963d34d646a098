"""The model: what GitHub knows and what it allows, as plain Python.

A change is a method (or a function in the file of the thing) that takes the acting `Actor`, checks
permission and rules, changes state, writes the timeline and emits a named event. Webhooks, pages and both
APIs see the same change because there is only this one way to make it.

Collections on model objects are tuples and mappings that are replaced, never changed in place: that is
what lets a read answer from an older state (`versioned.py`).
"""
