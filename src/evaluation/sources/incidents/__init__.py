"""Incidents: a city's own export, one row an incident, to counts by district and month."""

from evaluation.sources.incidents.counting import IncidentCounts, Rules, count_incidents
from evaluation.sources.incidents.delays import completeness
from evaluation.sources.incidents.layout import (
    FIELDS,
    OffenceMap,
    PlaceMap,
    read_offences,
    read_places,
    read_population,
)

__all__ = [
    "FIELDS",
    "IncidentCounts",
    "OffenceMap",
    "PlaceMap",
    "Rules",
    "completeness",
    "count_incidents",
    "read_offences",
    "read_places",
    "read_population",
]
