"""A sparse symmetric system, solved exactly: the algebra of crossed and nested random effects.

A group of coefficients none of whose members meet each other in any row has a diagonal block in the precision
matrix. Its members are eliminated one by one: with d a member's diagonal entry and c its entries with later
columns,

    l = c / d        later entries (i, j) lose l_i c_j        later scores lose l h

Eliminating one group may leave the next one diagonal still (nested groups) or not (crossed ones). What
remains is taken apart into dense blocks that few other columns meet (`blocks`), which are eliminated
likewise, with a Cholesky factor in the place of d; the last block is the rest. Which columns go, in which
order, and where every product of entries is subtracted, depends on the pattern only and is planned once
(`plan`).

The entries of the inverse on the pattern, which is all that a gradient needs, are found backwards
(Takahashi's recursion): with V the inverse among later columns,  V_ai = - sum_j l_aj V_ji,   V_aa = 1 / d -
sum_i l_ai V_ai.
"""

from taskorder.inference.engines.elimination.factoring import Factor, drawn, factor, inverse, means
from taskorder.inference.engines.elimination.planning import Plan, plan

__all__ = ["Factor", "Plan", "drawn", "factor", "inverse", "means", "plan"]
