"""Recipes as plain text, quantities that add up, and a pantry that knows what is left."""
