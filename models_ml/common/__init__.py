"""What every score shares: splits in time, metrics, calibration, gates, drift, artefacts, the model card."""
