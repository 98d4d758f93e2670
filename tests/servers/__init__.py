"""Real servers for tests and benchmarks: on 127.0.0.1, from the package registries, ended with whoever used them.

`with running(OPENSEARCH) as server:` starts one for a program; the fixtures (fixtures.py) share one among all workers.
"""
