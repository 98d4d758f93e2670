"""Events: one model with Sigma's field names, and readers for every shape of telemetry."""
