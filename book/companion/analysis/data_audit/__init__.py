"""analysis/data_audit"""
