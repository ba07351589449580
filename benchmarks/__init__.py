"""Figures against their floor, and the checks that hold what is generated, packed and documented together."""
