"""How firmly the paper's conclusions stand: resampling, other definitions, prediction, and the data themselves."""
