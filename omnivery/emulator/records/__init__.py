"""Records of what the emulator received and did: the one source for the control API, the page and `Emulator`."""
