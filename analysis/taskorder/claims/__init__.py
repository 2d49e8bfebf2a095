"""Registered claims: what a posterior says of them, what they have been put through, and their history."""

from taskorder.claims.claim import Claim
from taskorder.claims.examining import Examination, examine
from taskorder.claims.hearing import Hearing, hear
from taskorder.claims.judging import judge, verdict
from taskorder.claims.matching import refuse_unmatched
from taskorder.claims.registry import read_claims
from taskorder.claims.verdict import Verdict

__all__ = [
    "Claim",
    "Examination",
    "Hearing",
    "Verdict",
    "examine",
    "hear",
    "judge",
    "read_claims",
    "refuse_unmatched",
    "verdict",
]
