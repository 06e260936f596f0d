"""What several tests of the dashboard are given."""

import pytest

HOSTILE = "<img src=x onerror=alert(1)></script>'\"&"
ON_BOTH = pytest.mark.parametrize("new_url", ["sqlite", "postgresql"], indirect=True)
