"""Every result that a study had, and what differs between two."""
