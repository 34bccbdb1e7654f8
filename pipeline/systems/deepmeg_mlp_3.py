"""DeepMEG MLP-3: three dipoles from one sample."""

from pipeline.systems._deepmeg import DeepMeg

SYSTEM = DeepMeg(n_points=3, n_times=1)
