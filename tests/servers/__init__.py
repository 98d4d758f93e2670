"""Real servers for tests and benchmarks: on 127.0.0.1, from the package registries, ended with whoever used them.

`with running_opensearch() as server:` (running.py) is for programs. The fixtures (fixtures.py) share one of each
kind among all workers; `python -m tests.servers` keeps them for several sessions of tests.
"""
