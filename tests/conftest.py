"""Settings for all tests."""

from hypothesis import HealthCheck, settings

# Machines are noisy: a test that is slow once is not wrong. Bounds on time are asserted where they are meant.
settings.register_profile("exfilwatch", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("exfilwatch")
