"""What to cite, and when."""

from __future__ import annotations

from dataclasses import dataclass

from nakaya.core.provenance import package_version

__all__ = ["CITATIONS", "Citation", "citation_of"]


@dataclass(frozen=True)
class Citation:
    """Something to cite.

    Attributes:
        key: Short name, also the BibTeX key.
        why: When it has to be cited.
        bibtex: The entry.
    """

    key: str
    why: str
    bibtex: str


def _entry(kind: str, key: str, **fields: str) -> str:
    body = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@{kind}{{{key},\n{body}\n}}"


CITATIONS: tuple[Citation, ...] = (
    Citation(
        "nakaya",
        "always",
        _entry(
            "software",
            "nakaya",
            title="nakaya: how crystals grow, and how fast, with honest uncertainty",
            author="{the nakaya authors}",
            version=package_version(),
            year="2026",
        ),
    ),
    Citation(
        "gravner-griffeath",
        "the exact solver of snow crystals, and every emulator of it",
        _entry(
            "article",
            "gravner2008modeling",
            title="Modeling snow crystal growth {II}: A mesoscopic lattice map with plausible dynamics",
            author="Gravner, Janko and Griffeath, David",
            journal="Physica D: Nonlinear Phenomena",
            volume="237",
            number="3",
            pages="385--404",
            year="2008",
            doi="10.1016/j.physd.2007.09.008",
        ),
    ),
    Citation(
        "karma-rappel",
        "the phase-field model of dendrites of a pure melt",
        _entry(
            "article",
            "karma1998quantitative",
            title="Quantitative phase-field modeling of dendritic growth in two and three dimensions",
            author="Karma, Alain and Rappel, Wouter-Jan",
            journal="Physical Review E",
            volume="57",
            number="4",
            pages="4323--4349",
            year="1998",
            doi="10.1103/PhysRevE.57.4323",
        ),
    ),
    Citation(
        "posterior-estimation",
        "posteriors of conditions (nakaya infer): neural posterior estimation",
        _entry(
            "inproceedings",
            "papamakarios2016fast",
            title="Fast $\\epsilon$-free Inference of Simulation Models with {Bayesian} Conditional Density Estimation",
            author="Papamakarios, George and Murray, Iain",
            booktitle="Advances in Neural Information Processing Systems",
            volume="29",
            year="2016",
        ),
    ),
    Citation(
        "simulation-based-calibration",
        "the check that posteriors mean what they say",
        _entry(
            "misc",
            "talts2018validating",
            title="Validating {Bayesian} Inference Algorithms with Simulation-Based Calibration",
            author="Talts, Sean and Betancourt, Michael and Simpson, Daniel and Vehtari, Aki and Gelman, Andrew",
            eprint="1804.06788",
            archiveprefix="arXiv",
            year="2018",
        ),
    ),
    Citation(
        "johnson-mehl",
        "grains that nucleate and grow at a constant velocity until they meet",
        _entry(
            "article",
            "johnson1939reaction",
            title="Reaction kinetics in processes of nucleation and growth",
            author="Johnson, William A. and Mehl, Robert F.",
            journal="Transactions of the American Institute of Mining and Metallurgical Engineers",
            volume="135",
            pages="416--458",
            year="1939",
        ),
    ),
    Citation(
        "gandin-rappaz",
        "envelopes of dendritic grains in a temperature field, by cellular automaton",
        _entry(
            "article",
            "gandin1997cellular",
            title="A {3D} cellular automaton algorithm for the prediction of dendritic grain growth",
            author="Gandin, Charles-Andr{\\'e} and Rappaz, Michel",
            journal="Acta Materialia",
            volume="45",
            number="5",
            pages="2187--2195",
            year="1997",
            doi="10.1016/S1359-6454(96)00303-5",
        ),
    ),
    Citation(
        "echebarria-2004",
        "the phase-field model of dilute binary alloys",
        _entry(
            "article",
            "echebarria2004quantitative",
            title="Quantitative phase-field model of alloy solidification",
            author="Echebarria, Blas and Folch, Roger and Karma, Alain and Plapp, Mathis",
            journal="Physical Review E",
            volume="70",
            number="6",
            pages="061604",
            year="2004",
            doi="10.1103/PhysRevE.70.061604",
        ),
    ),
    Citation(
        "cgne",
        "the emulator cgne-small-rho and the setting of its parameters",
        _entry(
            "misc",
            "timmer2024efficient",
            title="Efficient Probabilistic Modeling of Crystallization at Mesoscopic Scale",
            author="Timmer, Pol and Minartz, Koen and Menkovski, Vlado",
            eprint="2405.16608",
            archiveprefix="arXiv",
            year="2024",
        ),
    ),
    Citation(
        "growth-law",
        "predictions of growth velocities: the form of the law, and its anisotropy",
        _entry(
            "article",
            "broughton1982crystallization",
            title="Crystallization rates of a {Lennard-Jones} liquid",
            author="Broughton, J. Q. and Gilmer, G. H. and Jackson, K. A.",
            journal="Physical Review Letters",
            volume="49",
            pages="1496--1500",
            year="1982",
            doi="10.1103/PhysRevLett.49.1496",
        )
        + "\n\n"
        + _entry(
            "article",
            "sun2004kinetic",
            title="Kinetic coefficient of {Ni} solid-liquid interfaces from molecular-dynamics simulations",
            author="Sun, D. Y. and Asta, M. and Hoyt, J. J.",
            journal="Physical Review B",
            volume="69",
            pages="024108",
            year="2004",
            doi="10.1103/PhysRevB.69.024108",
        ),
    ),
    Citation(
        "al-cu-si",
        "the record set: its three potentials, and the program that ran them",
        _entry(
            "article",
            "mendelev2008analysis",
            title="Analysis of semi-empirical interatomic potentials appropriate for simulation of crystalline and "
            "liquid {Al} and {Cu}",
            author="Mendelev, M. I. and Kramer, M. J. and Becker, C. A. and Asta, M.",
            journal="Philosophical Magazine",
            volume="88",
            pages="1723--1750",
            year="2008",
            doi="10.1080/14786430802206482",
        )
        + "\n\n"
        + _entry(
            "article",
            "mishin2001structural",
            title="Structural stability and lattice defects in copper: {Ab initio}, tight-binding, and embedded-atom "
            "calculations",
            author="Mishin, Y. and Mehl, M. J. and Papaconstantopoulos, D. A. and Voter, A. F. and Kress, J. D.",
            journal="Physical Review B",
            volume="63",
            pages="224106",
            year="2001",
            doi="10.1103/PhysRevB.63.224106",
        )
        + "\n\n"
        + _entry(
            "article",
            "stillinger1985computer",
            title="Computer simulation of local order in condensed phases of silicon",
            author="Stillinger, F. H. and Weber, T. A.",
            journal="Physical Review B",
            volume="31",
            pages="5262--5271",
            year="1985",
            doi="10.1103/PhysRevB.31.5262",
        )
        + "\n\n"
        + _entry(
            "article",
            "thompson2022lammps",
            title="{LAMMPS} - a flexible simulation tool for particle-based materials modeling at the atomic, meso, "
            "and continuum scales",
            author="Thompson, A. P. and others",
            journal="Computer Physics Communications",
            volume="271",
            pages="108171",
            year="2022",
            doi="10.1016/j.cpc.2021.108171",
        ),
    ),
)
"""What this package stands on."""


def citation_of(citation: str) -> str:
    """Return the BibTeX of what a model names: the key of an entry of `CITATIONS`, or an entry of its own."""
    return next((entry.bibtex for entry in CITATIONS if entry.key == citation), citation)
