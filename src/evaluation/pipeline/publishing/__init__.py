"""What leaves the machine: schedules, sites, feeds, messages."""
