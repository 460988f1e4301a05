"""The few functions that notebooks call, in the order in which a page tells its story."""

from evaluation.analysis.bulletin import BulletinCase
from evaluation.analysis.bulletin_ranks import (
    MonthRanking,
    all_rankings,
    earlier_bulletins,
    month_ranking,
    monthly_series,
    other_choices,
    several_months,
)
from evaluation.analysis.bulletin_record import bulletin_result
from evaluation.analysis.change import Headline, YearTable, headline, two_years, year_table
from evaluation.analysis.choices import SYNTHETIC, Curve, asked_curve, rule_by_pool, specification_curve
from evaluation.analysis.claim_ranks import claimed_ranks
from evaluation.analysis.claims_record import ledger_result
from evaluation.analysis.claims_scale import one_scale
from evaluation.analysis.effects import SEASONS, EventPath, event_path, specification, specifications
from evaluation.analysis.family import family
from evaluation.analysis.ledger import ranks
from evaluation.analysis.ledger_data import Entry, LedgerCase, Needed, needed_for
from evaluation.analysis.load import prepare
from evaluation.analysis.record import result_file
from evaluation.analysis.results import ResultFile
from evaluation.analysis.robustness import (
    Twin,
    diagnose,
    inference_methods,
    synthetic_estimate,
    synthetic_estimates,
    twin,
)
from evaluation.analysis.rule import (
    RuleAudit,
    RulePower,
    leading_check,
    leading_claim,
    rule_audit,
    rule_power,
)
from evaluation.analysis.staggered.published_results import check_claims
from evaluation.analysis.yearly import yearly_estimates

__all__ = [
    "SEASONS",
    "SYNTHETIC",
    "BulletinCase",
    "Curve",
    "Entry",
    "EventPath",
    "Headline",
    "LedgerCase",
    "MonthRanking",
    "Needed",
    "ResultFile",
    "RuleAudit",
    "RulePower",
    "Twin",
    "YearTable",
    "all_rankings",
    "asked_curve",
    "bulletin_result",
    "check_claims",
    "claimed_ranks",
    "diagnose",
    "earlier_bulletins",
    "event_path",
    "family",
    "headline",
    "inference_methods",
    "leading_check",
    "leading_claim",
    "ledger_result",
    "month_ranking",
    "monthly_series",
    "needed_for",
    "one_scale",
    "other_choices",
    "prepare",
    "ranks",
    "result_file",
    "rule_audit",
    "rule_by_pool",
    "rule_power",
    "several_months",
    "specification",
    "specification_curve",
    "specifications",
    "synthetic_estimate",
    "synthetic_estimates",
    "twin",
    "two_years",
    "year_table",
    "yearly_estimates",
]
