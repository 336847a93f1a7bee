import { runSeed } from "./world.ts";
const from=Number(process.argv[2]??1), to=Number(process.argv[3]??from);
for (let s=from;s<=to;s++){ const t=performance.now(); const r=await runSeed(s,{lineCount:Number(process.argv[4]??15)}); console.log(s, r.traceHash, r.jobCount,'jobs',r.eventCount,'ev',Math.round(r.virtualMs/1000),'vs',Math.round(performance.now()-t),'ms', r.violation?JSON.stringify(r.violation):'' ); if(r.violation && from===to){console.log(r.tail.join("\n"));console.log(JSON.stringify(r.knobs))} }
