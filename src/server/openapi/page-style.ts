// How the page of the API looks. Within the page, so that one hash in its policy allows it and nothing else.

export const pageStyle = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { margin: 0; }
h2 { margin: 2rem 0 .5rem; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .3rem 0; padding: 0 .7rem; }
summary { cursor: pointer; padding: .4rem 0; }
summary span { opacity: .75; }
summary b { display: inline-block; min-width: 4.2rem; font: 600 13px ui-monospace, monospace; }
.GET, .HEAD { color: #2a7ab8; } .POST, .PUT { color: #3a8a3a; } .DELETE { color: #b8402a; }
code, pre, input, textarea { font: 14px/1.4 ui-monospace, monospace; }
pre { background: var(--soft); padding: .5rem; overflow: auto; max-height: 24rem; }
pre:empty { display: none; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
td, th { border-top: 1px solid var(--line); padding: .25rem .5rem .25rem 0; text-align: left; vertical-align: top; }
form label { display: block; margin: .3rem 0; }
input:not([type=file]), textarea { width: 100%; box-sizing: border-box; }
.who { opacity: .75; }
`;
