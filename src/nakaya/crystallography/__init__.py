"""Crystals: orientations, the rotation groups of the Laue classes, disorientation, colours, Miller indices, shapes.

Convention (Rowenhorst et al., Modelling Simul. Mater. Sci. Eng. 23 (2015) 083501): an orientation is the passive
rotation that takes the sample frame to the crystal frame, so that a direction with sample components v has the crystal
components `g.apply(v)`. Rotations are those of `scipy.spatial.transform`, n of them in one object where an argument
says [n]. In files of ours they are unit quaternions (w, x, y, z), the scalar part first and not negative.
"""
