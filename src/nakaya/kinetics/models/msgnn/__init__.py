"""The multi-scale graph network: one edge-attention block for every relation, physics with a learned residual."""
