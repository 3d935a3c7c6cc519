"""The zoo of 48, checkpoints, downloads and inference."""
