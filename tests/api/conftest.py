"""Hypothesis here: no deadline (the machine may be busy), nothing kept between runs."""

from hypothesis import settings

settings.register_profile("api", deadline=None, database=None)
settings.load_profile("api")
