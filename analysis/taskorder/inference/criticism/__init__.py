"""Posteriors put to the test: predictions, rows and studies left out, sensitivity, calibration."""
