"""Population balances of cooling crystallizers: laws, two solvers, shipped parameter sets, and fits with intervals."""
