"""DeepMEG CNN-3: three dipoles from sixteen samples."""

from pipeline.systems._deepmeg import N_TIMES, DeepMeg

SYSTEM = DeepMeg(n_points=3, n_times=N_TIMES)
