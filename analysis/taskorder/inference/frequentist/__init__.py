"""The frequentist companions of a posterior, printed beside it."""
