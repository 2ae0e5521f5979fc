"""The durable execution service as measuring equipment: strict, cheap, and late on time.

It runs in a process of its own (`python -m benchmarks.fake`), so that nothing it does is counted
as the SDK's. It knows what the workloads need: steps, contexts and the end of an execution. It
imports nothing of this project's packages, so that it can judge them.
"""
