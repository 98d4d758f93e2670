"""How a document is written in the markup of each case system; one file each."""
