from hypothesis import settings

# The same examples every time: a red test is red for everybody. More and other examples: --hypothesis-profile=default.
settings.register_profile("headstock", derandomize=True, deadline=None, database=None)
settings.load_profile("headstock")
