"""The data audit: oddities of a results table, their likely causes, and their effects on Figure 2."""
