"""How many evaluations a second pays for: what turns an expected improvement into one per second."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64

from headstock.gp.regression import Posterior


@final
@dataclass(frozen=True, slots=True, eq=False)
class LogSpeed:
    """-ln c(x), where ln c(x) is the mean of a process that was fitted to the logarithms of durations.

    Added to a log acquisition with weight a it gives EI(x) / c(x)ᵃ (Snoek et al. 2012, section 3.2, has a = 1).

    Args:
        posterior: of -ln c, standardised.
        scale: the standard deviation by which it was divided; the mean does not matter.
    """

    posterior: Posterior
    scale: float

    def value(self, X: Float64[np.ndarray, "m d"]) -> Float64[np.ndarray, " m"]:
        """-ln c at each point, up to a constant."""
        return self.scale * self.posterior.predict(X)[0]

    def value_and_gradient(
        self, X: Float64[np.ndarray, "m d"]
    ) -> tuple[Float64[np.ndarray, " m"], Float64[np.ndarray, "m d"]]:
        """-ln c at each point, up to a constant, and its gradient."""
        V, pull_back = self.posterior.whiten_with_pull_back(X)
        mean, _ = self.posterior.moments(V)
        return self.scale * mean, self.scale * pull_back(np.tile(self.posterior.whitened, (len(X), 1)))
