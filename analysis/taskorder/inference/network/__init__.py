"""Network meta-analysis: which treatments trials compare, and whether direct and indirect evidence agree."""
