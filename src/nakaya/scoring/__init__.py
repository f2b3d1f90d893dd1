"""How far apart two samples are: distances, proper scores, calibration, floors."""
