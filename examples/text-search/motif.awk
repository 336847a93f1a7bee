# How often a motif is in a FASTA file, overlaps included; how many bases there are; how many of them are G or C.
/^>/ { next }
{
  text = rest $0 # The end of the line before, for a motif that lies across both.
  for (at = 1; at <= length(text) - length(motif) + 1; at++) found += substr(text, at, length(motif)) == motif
  rest = length(text) < length(motif) ? text : substr(text, length(text) - length(motif) + 2)
  bases += length($0)
  gc += gsub(/[GC]/, "")
}
END { print found + 0 "\t" bases + 0 "\t" gc + 0 }
