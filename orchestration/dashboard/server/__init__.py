"""What Streamlit runs. It lies apart from `pages`: a folder of that name beside its script Streamlit takes for its own."""
