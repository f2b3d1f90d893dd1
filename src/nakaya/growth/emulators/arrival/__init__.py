"""One-pass emulators of the attachment-time map: a smooth mean, residuals of near training crystals, and repairs."""
