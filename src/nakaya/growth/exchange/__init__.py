"""Crystals in the forms of other programs: xarray and NetCDF, The Well's HDF5, VTK."""
