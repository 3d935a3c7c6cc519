"""The performance page: tables of the benchmark."""
