"""How many random programs (tests/model, tests/replay_model) a run tries: profiles of Hypothesis.

Without `--hypothesis-profile` it is a few, the same each time. "thorough" runs ten times as many,
as continuous integration does. "nightly" runs as many as a night allows, others each night.
"""

from __future__ import annotations

from hypothesis import settings

# Every run tries the same examples; what a night finds besides is its business.
settings.register_profile("fixed", derandomize=True, print_blob=True)
settings.load_profile("fixed")
settings.register_profile("thorough", derandomize=True, print_blob=True)
settings.register_profile("nightly", print_blob=True)
