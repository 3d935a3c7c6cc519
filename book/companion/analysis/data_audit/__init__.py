"""Data audit: oddities of a results table, their causes and effects."""
