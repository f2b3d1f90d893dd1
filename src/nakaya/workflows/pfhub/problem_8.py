"""Problem 8, homogeneous nucleation: an isothermal Allen-Cahn model with seeds that are put in (revision 1).

W. Wu et al., Comput. Mater. Sci. 193, 110371 (2021), with the changes of J. Mancias et al., Integr. Mater. Manuf.
Innov. (2022), doi 10.1007/s40192-022-00284-1: periodic edges, r* = 1 and seeds of 2.2 r* in parts (b) and (c).
"""

from __future__ import annotations

from nakaya.workflows.pfhub.parts import Part

__all__ = ["parts"]


def parts(seed: int) -> list[Part]:
    """The parts of the problem."""
    return []
