"""What runs that are not made yet would tell: how wide intervals will be once their rows are there."""
