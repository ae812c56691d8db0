"""Settings of these tests: an example may take its time, since how long it takes depends on how busy the machine is."""

from hypothesis import settings

settings.register_profile("tenure", deadline=None)
settings.load_profile("tenure")
