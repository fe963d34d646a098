"""Bare repositories on disk: the truth for refs, commits, trees and merges."""
