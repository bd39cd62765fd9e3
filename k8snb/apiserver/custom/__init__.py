"""Custom resources: definitions become served resources whose objects are checked against their schema."""
