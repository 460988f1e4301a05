"""Who makes the reports: this process, a few processes, workers of a cluster."""
