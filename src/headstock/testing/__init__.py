"""For tests and benchmarks: contract suites that a plug-in has to pass, and problems that know their optimum."""
