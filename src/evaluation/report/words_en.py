"""English words of the page's furniture."""

WORDS: dict[str, str] = {
    "interval": " to ",
    "no_interval": "no interval",
    "simulated": "SIMULATED",
    "no_data_short": "no data",
}
