"""Daily air quality of cities: read, clean, check, and make the committed tables."""

from builders.air_quality.checks import compare_copies, official_checkpoints
from builders.air_quality.cleaning import LIMITS, SOURCE_ERRORS, CleanRecord, clean
from builders.air_quality.daily import COLUMNS, DailyRecord, read_daily
from builders.air_quality.tables import build_city_month, complete_cities, summarise

__all__ = [
    "COLUMNS",
    "LIMITS",
    "SOURCE_ERRORS",
    "CleanRecord",
    "DailyRecord",
    "build_city_month",
    "clean",
    "compare_copies",
    "complete_cities",
    "official_checkpoints",
    "read_daily",
    "summarise",
]
