"""The analysis of the results: robustness checks, other definitions, prediction, the claims and the data audit."""
