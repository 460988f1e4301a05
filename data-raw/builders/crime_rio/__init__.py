"""Recorded crime of the state of Rio de Janeiro: precincts by quarter, and the police pacification units."""

from builders.crime_rio.record import (
    COUNTS,
    CrimeRecord,
    read_counts,
    read_names,
    read_population,
    read_units,
)
from builders.crime_rio.tables import build_rio, check_units, first_units, precinct_quarters

__all__ = [
    "COUNTS",
    "CrimeRecord",
    "build_rio",
    "check_units",
    "first_units",
    "precinct_quarters",
    "read_counts",
    "read_names",
    "read_population",
    "read_units",
]
