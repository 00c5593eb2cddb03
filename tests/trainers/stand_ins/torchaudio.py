"""Stands in for torchaudio, whose builds want CUDA: LLaMA-Factory imports it for sound, which no test has."""
