"""What lies in the folder of an owner and of a run: the names of the files, what is in them, reading and writing."""
