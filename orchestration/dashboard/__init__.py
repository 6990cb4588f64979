"""The built-in dashboard: Streamlit pages on the published version, and on nothing else."""
