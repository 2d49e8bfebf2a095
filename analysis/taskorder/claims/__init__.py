"""Registered claims, and what a posterior says of them."""

from taskorder.claims.decision import Claim, Verdict, judge
from taskorder.claims.matching import refuse_unmatched
from taskorder.claims.registry import read_claims

__all__ = ["Claim", "Verdict", "judge", "read_claims", "refuse_unmatched"]
