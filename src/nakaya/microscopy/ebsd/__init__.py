"""Maps of orientations by electron backscatter diffraction."""
