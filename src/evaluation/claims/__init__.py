"""The ledger: claims as the source states them, the arithmetic among them, and verdicts.

`compare` alone gives verdicts; a claims file holds none.
"""

from evaluation.claims.arithmetic import (
    IdentityCheck,
    cases_needed,
    check_identities,
    spreads_needed,
)
from evaluation.claims.entries import Claim, ClaimsFile, Fact, Identity, System, load_claims
from evaluation.claims.verdicts import (
    CLOSE_WITHIN,
    Attributable,
    ClaimCheck,
    Reproduced,
    Test,
    compare,
)

__all__ = [
    "CLOSE_WITHIN",
    "Attributable",
    "Claim",
    "ClaimCheck",
    "ClaimsFile",
    "Fact",
    "Identity",
    "IdentityCheck",
    "Reproduced",
    "System",
    "Test",
    "cases_needed",
    "check_identities",
    "compare",
    "load_claims",
    "spreads_needed",
]
