"""DeepMEG CNN-1: one dipole from sixteen samples."""

from pipeline.systems._deepmeg import N_TIMES, DeepMeg

SYSTEM = DeepMeg(n_points=1, n_times=N_TIMES)
