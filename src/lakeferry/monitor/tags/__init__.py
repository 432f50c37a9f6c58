"""Tags of the Migration Acceleration Program: what bears them, what a gap costs, mended."""
