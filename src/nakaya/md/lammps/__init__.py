"""LAMMPS at arm's length: inputs, runs in folders of their own."""
