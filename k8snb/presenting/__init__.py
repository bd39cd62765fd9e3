"""Chapters in front of a class: as live slides in JupyterLab, and as files that need neither kernel nor network."""
