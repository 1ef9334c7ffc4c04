"""fabricsim: network fabric emulator and topology designer for GPU clusters."""
