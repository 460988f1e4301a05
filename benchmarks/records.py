"""Case and incident records to a monthly panel, beside a plain DuckDB query or pandas with the same numbers.

Each measurement runs in a fresh process: wall and CPU seconds, and the most memory that the process held.

    python benchmarks/records.py approvals                    # 50 million records, made once (about 400 MB)
    python benchmarks/records.py approvals --rows 10000000
    python benchmarks/records.py incidents                    # 20 million records, made once (about 1.2 GB)
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

KINDS = {"approvals": "_records_approvals", "incidents": "_records_incidents"}

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=KINDS, nargs="?", default="approvals")
    chosen, rest = parser.parse_known_args()
    importlib.import_module(KINDS[chosen.kind]).main(rest)
