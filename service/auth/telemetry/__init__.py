"""What the service tells its operators: audit events, metrics, traces."""
