"""From nothing to a study that runs: a folder of one's own, a table in it, a study file on the table."""
