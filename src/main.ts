// Where the program begins: the environment first, then the command line, which loads what the command needs.

import "./platform/env.ts";
import { run } from "./cli/run.ts";
import { programArguments } from "./platform/program.ts";

await run(programArguments());
