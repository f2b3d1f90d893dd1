"""Neural emulators: one folder, one emulator."""
