"""DeepMEG CNN-2: two dipoles from sixteen samples."""

from pipeline.systems._deepmeg import N_TIMES, DeepMeg

SYSTEM = DeepMeg(n_points=2, n_times=N_TIMES)
