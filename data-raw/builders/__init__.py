"""Builders and simulators of this project's committed tables, run by ``evaluation data build NAME``.

They stand outside the package: what a city uses for its own records is in `evaluation.sources`.
"""

BUILDERS = {
    "air_quality": "builders.air_quality.tables:build_city_month",
    "air_quality_dekads": "builders.air_quality.dekads:build_dekads",
    "approvals_doing_business": "builders.doing_business:build_doing_business",
    "approvals_huantai_simulated": "builders.huantai_simulated:build_huantai",
    "castle": "builders.castle:build_castle",
    "city_panel": "builders.city_panel:build_city_panel",
    "crime_rio": "builders.crime_rio.tables:build_rio",
    "crime_zhangdian_simulated": "builders.crime_simulated:build_simulated",
}
"""Module and function of each builder: it is given the raw path and the data folder.

One that reads a folder file by file takes ``skip_broken`` too.
"""

SIMULATORS = {"approvals_huantai_simulated": "builders.huantai_simulated:simulate"}
"""Module and function that write a simulated raw record into a folder, the same every time."""
