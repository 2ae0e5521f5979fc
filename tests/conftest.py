"""How many random programs (tests/model) a run tries, as profiles of Hypothesis.

Without `--hypothesis-profile` it is what continuous integration runs: the same programs each time.
"quick" runs fewer of them. "nightly" runs as many as a night allows, others each night.
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("quick", print_blob=True)
settings.register_profile("nightly", print_blob=True)
