"""The microwave sky: bands, units, spectra, and the gas of clusters of galaxies."""
