"""Validation of API objects with the field errors of the real API server; one module per topic, no state."""
