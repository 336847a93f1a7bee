export type Mutant = any;
