"""Variants of one study beside each other."""
