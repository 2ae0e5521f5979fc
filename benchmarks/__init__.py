"""What durable executions cost their users, against two other SDKs and the bare minimum.

    python -m benchmarks setup
    python -m benchmarks run

See README.md beside this file.
"""
