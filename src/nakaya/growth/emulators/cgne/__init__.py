"""The Crystal Growth Neural Emulator (arXiv 2405.16608)."""
