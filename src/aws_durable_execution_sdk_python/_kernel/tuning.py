"""Every constant of the kernel that tests or benchmarks may want to change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tuning:
    """How an invocation shares its time out. Seconds, unless a name says otherwise.

    Attributes:
        lazy_seconds: how long an update that nobody waits for may wait for company.
        gather_seconds: how long work that is ready to run, and may add to a request, can hold the
            request up.
        catch_up_seconds: how long a request waits for threads that were just let go to come with
            updates of their own.
        most_cancellations: how often the losers of a batch are cancelled that swallow it.
        wave: how many branches start at a time. They begin before more are started, so that what
            they checkpoint is under way while the others are still being prepared.
    """

    lazy_seconds: float = 0.005
    gather_seconds: float = 0.005
    catch_up_seconds: float = 0.002
    most_cancellations: int = 100
    wave: int = 16


DEFAULT_TUNING = Tuning()
