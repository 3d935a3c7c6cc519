"""Calibration: measure observers with known answers and compare the results with the truth."""
