"""DeepMEG MLP-1: one dipole from one sample."""

from pipeline.systems._deepmeg import DeepMeg

SYSTEM = DeepMeg(n_points=1, n_times=1)
