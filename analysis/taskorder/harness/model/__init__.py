"""Encoders with heads: features in, losses and predictions out."""
