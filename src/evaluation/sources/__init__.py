"""Sources: read a real format, clean it by stated rules, count what was dropped and why.

One module or folder a format. A new city's file in another format becomes a new one beside
these and an entry in :data:`evaluation.sources.build.BUILDERS`. Builders of this project's own committed
tables stand in ``data-raw/``.
"""
