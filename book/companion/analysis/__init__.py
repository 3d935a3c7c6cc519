"""Analysis of the results: robustness, definitions, prediction, claims, data audit."""
