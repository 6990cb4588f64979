"""What Streamlit runs, apart from `pages`: a folder of that name beside its script Streamlit takes for its own."""
