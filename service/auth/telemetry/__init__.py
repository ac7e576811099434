"""The signals for operators: logs, audit events, metrics, traces."""
