// The first import of the program. Libraries read NODE_ENV when they are loaded: a binary serves, a checkout
// develops, unless the environment says otherwise. The name is computed so that the bundler leaves it alone.

const name = "NODE_ENV";

process.env[name] ??= Bun.isStandaloneExecutable ? "production" : "development";
