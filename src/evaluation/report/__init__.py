"""Figures, tables, words and pages. Nothing here estimates anything."""
