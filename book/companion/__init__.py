"""The book of this paper: analysis, figures, tables and pages."""
