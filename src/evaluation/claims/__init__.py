"""The ledger: claims as the source states them, the arithmetic among them, and verdicts.

`compare` alone gives verdicts; a claims file holds none.
"""

from evaluation.claims.arithmetic import IdentityCheck, cases_needed, check_identities
from evaluation.claims.entries import Claim, ClaimsFile, Identity, System, load_claims
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
    "Identity",
    "IdentityCheck",
    "Reproduced",
    "System",
    "Test",
    "cases_needed",
    "check_identities",
    "compare",
    "load_claims",
]
