"""The rights of the persons in the data: to be forgotten, and to know what is held."""
