"""DeepMEG MLP-2: two dipoles from one sample."""

from pipeline.systems._deepmeg import DeepMeg

SYSTEM = DeepMeg(n_points=2, n_times=1)
