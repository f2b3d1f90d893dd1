"""What a network has to beat: closed forms, regressions on tables, and the direct fit; same evidence, same features."""
