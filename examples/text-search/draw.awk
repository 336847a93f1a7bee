# Draws a DNA sequence by chance, the same for the same seed, as a FASTA file.
BEGIN {
  srand(seed)
  print ">sequence " seed
  for (line = 0; line < 500; line++) {
    text = ""
    for (base = 0; base < 60; base++) text = text substr("ACGT", int(4 * rand()) + 1, 1)
    print text
  }
}
